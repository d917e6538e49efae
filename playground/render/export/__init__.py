"""Export of films and runs to files: GIF, MP4, PNG strip, npz, JSON records."""
