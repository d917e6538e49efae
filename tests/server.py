"""The app as a person starts it, `python app.py`, on a free port, offline, for tests to talk to."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def running_app(*arguments: str) -> Iterator[str]:
    """Start the app and give its address; stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), *arguments]
    # A proxy that nobody listens at: a server that tries to reach another machine fails.
    environment = {
        **os.environ,
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
    }
    address = f"http://127.0.0.1:{port}/"
    # Its log goes to a file: a pipe that nobody reads would fill up and stop it.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(240):
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"The app did not start:\n{log.read()}")
                with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
                    break
                time.sleep(0.25)
            else:
                raise RuntimeError("The app did not answer within a minute.")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)
