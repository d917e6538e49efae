"""Films and runs as files: GIF, MP4, PNG strip, npz, JSON records."""
