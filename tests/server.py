"""The app as a Space starts it, `python app.py` with its port in the environment, offline, for tests to talk to."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """The process of what serves the page, where it answers, and what it has printed so far."""

    process: subprocess.Popen[str]
    address: str
    log: IO[str]

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_app(*arguments: str) -> Iterator[str]:
    """Start the app, on plain PyTorch, and give its address; stop it at the end."""
    with running("app.py", "--no-accelerate", *arguments) as server:
        yield server.address


@contextlib.contextmanager
def running(
    *command: str, port: int | None = None, seconds: int = 60, within: tuple[str, ...] = (), **variables: str
) -> Iterator[Server]:
    """Start what serves the page, in a session of its own, on a free port or on this one; stop it at the end.

    `variables` are added to its environment; so many `seconds` it has to answer, and to end. `within` is a command that
    runs another.
    """
    port = port or free_port()
    # A proxy that nobody listens at: a server that tries to reach another machine fails.
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
        "OMP_NUM_THREADS": "1",  # as in the tests themselves
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    # Its log goes to a file: a pipe that nobody reads would fill up and stop it.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*within, sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        host = command[command.index("--host") + 1] if "--host" in command else "127.0.0.1"
        server = Server(process, f"http://{host}:{port}/", log)
        try:
            for _ in range(4 * seconds):
                if process.poll() is not None:
                    raise RuntimeError(f"The app did not start:\n{server.said()}")
                with contextlib.suppress(OSError), urllib.request.urlopen(server.address, timeout=5):
                    break
                time.sleep(0.25)
            else:
                raise RuntimeError(f"The app did not answer within {seconds} seconds.")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=seconds)
