"""The public endpoints: the three questions with plain arguments, answered with pictures and every number."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import asdict
from typing import Any

import gradio as gr

from playground.core import images
from playground.core.library import Library
from playground.core.samplers import Step
from playground.render.frames import noise_picture, picture_url
from playground.ui.errors import told
from playground.ui.scene import Scene
from playground.ui.settings import ANY_LABEL, Settings, checked

DEFAULT = Settings()
