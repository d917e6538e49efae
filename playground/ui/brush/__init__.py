"""Paint over the part of a picture that is to be filled in."""

from playground.ui.brush.brush import build_brush, over, painted_over

__all__ = ["build_brush", "over", "painted_over"]
