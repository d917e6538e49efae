"""Image picker: shipped pictures to choose from, and a pad to draw one on."""

from playground.ui.components.picker.picker import build_drawing_pad, build_picker, gallery, parse_choice, parse_drawing

__all__ = ["build_drawing_pad", "build_picker", "gallery", "parse_choice", "parse_drawing"]
