"""Image data: reading, datasets, augmentation."""
