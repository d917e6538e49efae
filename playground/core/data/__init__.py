"""Pictures: reading, datasets, augmentation."""
