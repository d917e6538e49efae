"""Environment variables that Gradio and its HTTP client read while they are imported."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

LOCAL = ("127.0.0.1", "localhost", "0.0.0.0", "::1")
"""Addresses of this machine, at which Gradio calls its own server."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def prepare_environment() -> None:
    """Keep Gradio off other machines, local addresses off proxies, and uploads in a folder of this user's.

    Call it before Gradio is imported. It ends the program if GRADIO_SERVER_PORT is no number, which Gradio cannot read.
    """
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    if not port.isdecimal():
        sys.exit(f"GRADIO_SERVER_PORT must be a whole number from 1 to 65535; it was {port}.")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    bypass_proxies(*LOCAL)
    if not find_spec("socksio"):
        _drop_socks_proxies()
    # The folder for uploads has one name for all users, and may belong to another.
    uploads = Path(tempfile.gettempdir()) / "gradio"
    if uploads.exists() and not os.access(uploads, os.W_OK | os.X_OK):
        os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="gradio-"))


def bypass_proxies(*hosts: str) -> None:
    """Reach hosts without the proxies that the environment names."""
    bypassed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if bypassed.strip() != "*":
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, (bypassed, *hosts)))


def _drop_socks_proxies() -> None:
    """Without a package for SOCKS even the import of Gradio would fail."""
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        if os.environ.get(name, "").startswith("socks"):
            del os.environ[name]
            print(f"{name} is not used: a SOCKS proxy needs pip install 'httpx[socks]'.", file=sys.stderr)
