"""User interface: the Gradio page and its public endpoints. It does no torch arithmetic."""

from playground.ui.app import build_app
from playground.ui.launch import launch_options
from playground.ui.server.zerogpu import ZERO

__all__ = ["ZERO", "build_app", "launch_options"]
