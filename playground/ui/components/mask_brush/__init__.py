"""The mask brush: paint over the part of a picture that is to be inpainted."""

from playground.ui.components.mask_brush.mask_brush import build_brush, over, painted_over

__all__ = ["build_brush", "over", "painted_over"]
