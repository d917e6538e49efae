"""A small Hub on this machine: it serves folders as the real one does, as far as downloading goes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """`networks` are the folders by name; `asked` has every path that was asked for, with its method.

    `tokens` has what came as authorization.
    """

    def __init__(self, networks: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.networks = networks
        self.asked: list[tuple[str, str]] = []
        self.private: set[str] = set()
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:  # the name that the base class asks for
        self.do_GET()

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(urllib.parse.unquote(self.path)).path.strip("/")
        self.server.asked.append((self.command, path))
        self.server.tokens.add(self.headers.get("Authorization"))
        if path.startswith("api/models/"):
            self._describe(path.removeprefix("api/models/"))
        else:
            name, _, rest = path.partition("/resolve/")
            self._give(name, rest.partition("/")[2])

    def _describe(self, name: str) -> None:
        if name in self.server.private:
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        if name not in self.server.networks:
            return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        folder = self.server.networks[name]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        siblings = [{"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size} for path in files]
        about = {"id": name, "modelId": name, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        return self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _give(self, name: str, file: str) -> None:
        folder = self.server.networks.get(name)
        if folder is None or not (folder / file).is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound" if folder else "RepoNotFound"})
        data = (folder / file).read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        return self._send(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: what was asked is kept in `Hub.asked`."""


@contextlib.contextmanager
def running_hub(networks: dict[str, Path]) -> Iterator[Hub]:
    """Serve these folders; at the end stop."""
    with Hub(networks) as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
