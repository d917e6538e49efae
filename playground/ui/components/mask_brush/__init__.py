"""Mask brush: paint over the part of a picture that is to be inpainted."""

from playground.ui.components.mask_brush.mask_brush import build_mask_brush, canvas_image, parse_mask

__all__ = ["build_mask_brush", "canvas_image", "parse_mask"]
