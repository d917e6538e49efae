"""Pictures to choose from, and a pad to draw one on."""

from playground.ui.picker.picker import build_picker, offer, taken

__all__ = ["build_picker", "offer", "taken"]
