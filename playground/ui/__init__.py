"""What a person touches: the Gradio page and its public endpoints. Does no torch arithmetic."""

from playground.ui.page import build_app, launch_options
from playground.ui.zero import ZERO

__all__ = ["ZERO", "build_app", "launch_options"]
