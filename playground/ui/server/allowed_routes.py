"""Allowed routes: of all that Gradio can answer, what the page and its endpoints need. Everything else is 404.

Gradio also has routes for recordings, proxies, reloading, monitoring and logins. This page needs none of them, and a
new version of Gradio may bring more, so a route has to be listed here to be answered.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

API = "/gradio_api"
READ = (
    "/",
    "/config",
    "/static/{path:path}",
    "/assets/{path:path}",
    "/svelte/{path:path}",
    "/theme.css",
    "/favicon.ico",
    "/robots.txt",
    "/manifest.json",
    "/pwa_icon",
    "/pwa_icon/{size}",
    "/openapi.json",
    f"{API}/info",
    f"{API}/openapi.json",
    f"{API}/theme.css",
    f"{API}/startup-events",
    f"{API}/app_id",
    f"{API}/heartbeat/{{session_hash}}",
    f"{API}/queue/data",
    f"{API}/queue/status",
    f"{API}/upload_progress",
    f"{API}/call/{{api_name}}/{{event_id}}",
    f"{API}/call/v2/{{api_name}}/{{event_id}}",
    f"{API}/file={{path_or_url:path}}",
)
WRITE = (
    f"{API}/queue/join",
    f"{API}/cancel",
    f"{API}/reset",
    f"{API}/call/{{api_name}}",
    f"{API}/call/v2/{{api_name}}",
    f"{API}/component_server",
    f"{API}/upload",
)
MCP = (f"{API}/mcp", f"{API}/mcp/{{path:path}}")
"""Routes for agents, there with --mcp only: they have their own methods."""

_READ, _WRITE, _MCP = ([compile_path(path)[0] for path in paths] for paths in (READ, WRITE, MCP))


class AllowedRoutesMiddleware:
    """ASGI middleware that answers 404 to requests for any other route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_allowed(scope["method"], _path(scope))):
            return await self.app(scope, receive, send)
        return await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)


def is_allowed(method: str, path: str) -> bool:
    """Whether a request is answered.

    Args:
        method: its HTTP method.
        path: its path below the root of the app; a slash at its end does not count.

    Returns:
        True for a route of the page, its endpoints or MCP. Gradio redirects a file whose name is an address: False.
    """
    path = path.rstrip("/") or "/"
    if path.startswith((f"{API}/file=http:", f"{API}/file=https:")):
        return False
    known = {"GET": _READ, "HEAD": _READ, "POST": _WRITE}.get(method, []) + _MCP
    return any(pattern.match(path) for pattern in known)


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
