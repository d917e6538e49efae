"""A reverse proxy as small as can be: it hands on what comes under a prefix, and passes answers on as they come."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BETWEEN_TWO = {"connection", "transfer-encoding", "keep-alive"}


class Proxy(ThreadingHTTPServer):
    """`handle_error` says nothing: a browser hangs up whenever it likes."""

    daemon_threads = True

    def __init__(self, target: str, prefix: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.target, self.prefix = urlsplit(target).netloc, prefix
        self.lost, self.connections = False, set[socket.socket]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.prefix}/"

    def lose(self) -> None:
        """As when a network is lost: every connection breaks, and no other comes about until `lost` is false again."""
        self.lost = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Passing(BaseHTTPRequestHandler):
    server: Proxy

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)
        if self.server.lost:
            raise ConnectionResetError

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:  # the names that the base class asks for
        if not self.path.startswith(self.server.prefix + "/"):
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in BETWEEN_TWO}
        # The browser may hang up at any point: what is open towards the target is closed even so.
        with contextlib.closing(http.client.HTTPConnection(self.server.target, timeout=60)) as connection:
            connection.request(self.command, self.path.removeprefix(self.server.prefix), body, headers)
            with connection.getresponse() as answer:
                self._hand_on(answer)
        return None

    def _hand_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in BETWEEN_TWO | {"date", "server"}:
                self.send_header(name, value)
        self.end_headers()
        while piece := answer.read1(65536):
            self.wfile.write(piece)
            self.wfile.flush()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def running_proxy(target: str, prefix: str) -> Iterator[Proxy]:
    """Pass on to `target` what comes under `prefix`; at the end stop."""
    with Proxy(target, prefix) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
