"""The image picker: shipped pictures to choose from, and a pad to draw one on."""

from playground.ui.components.picker.picker import build_pad, build_picker, ink, offer, taken

__all__ = ["build_pad", "build_picker", "ink", "offer", "taken"]
