"""Request limits: the size of a body, a network address's share of the queue, and the answers to failed requests."""

from __future__ import annotations

import errno

from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.core.data.images import MAX_BASE64
from playground.ui.server.errors import DISK_FULL, is_ours, sentence

MAX_BODY = MAX_BASE64 + 1_000_000
"""Most bytes of a request: a picture in base64, and the other arguments."""
TOO_LARGE = f"This request is too large: at most {MAX_BODY / 1e6:.0f} MB are allowed."

MAX_QUEUE = 512
"""Most events that wait in Gradio's queue; further ones are refused."""
MAX_QUEUE_PER_ADDRESS = 384
"""Most of them from one network address, which a whole class may share: the rest of the queue is left to others."""
QUEUE_FULL = "Too many requests from your network address are waiting already: try again in a minute."


class QueueShareMiddleware:
    """ASGI middleware that answers 503 to an event if MAX_QUEUE_PER_ADDRESS of its address are in Gradio's queue."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        joins = scope.get("method") == "POST" and ("/queue/join" in path or "/call/" in path)
        if joins and _waiting(scope) >= MAX_QUEUE_PER_ADDRESS:
            return await JSONResponse({"detail": QUEUE_FULL}, 503)(scope, receive, send)
        return await self.app(scope, receive, send)


def _waiting(scope: Scope) -> int:
    """Number of events in the queue from the address that sends this request."""
    address = (scope.get("client") or ("",))[0]
    queues = scope["app"].get_blocks()._queue.event_queue_per_concurrency_id.values()
    events = [event for queue in queues for event in queue.queue]
    return sum(event.request.client is not None and event.request.client.host == address for event in events)


class MaxBodySizeMiddleware:
    """ASGI middleware that answers 413 to requests that announce or send more than MAX_BODY bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > MAX_BODY:
            return await PlainTextResponse(TOO_LARGE, 413)(scope, receive, send)
        came = 0

        async def measured() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > MAX_BODY:
                raise HTTPException(413, TOO_LARGE)
            return message

        return await self.app(scope, measured, send)


def nothing_of_that_name(request: Request, error: Exception) -> JSONResponse:
    """Answer 404: Gradio has not found the name or number in the request.

    Args:
        request: the request.
        error: the error that Gradio raised. One that our own code raised is logged and answered with 500.

    Returns:
        The response.
    """
    if is_ours(error):
        return JSONResponse({"detail": sentence(error)}, 500)
    return JSONResponse({"detail": "There is nothing of that name or number here."}, 404)


def no_such_argument(request: Request, error: Exception) -> JSONResponse:
    """Answer 422: the named arguments are not those of the endpoint.

    Args:
        request: the request.
        error: the error that Gradio raised; it is raised again for any other kind of request.

    Returns:
        The response.
    """
    if "/call/v2/" not in request.url.path:
        raise error
    return JSONResponse({"detail": str(error)}, 422)


def disk_is_full(request: Request, error: Exception) -> JSONResponse:
    """Answer 507: there is no room for an upload.

    Args:
        request: the request.
        error: the error; it is raised again if the disk is not full.

    Returns:
        The response.
    """
    if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
        raise error
    return JSONResponse({"detail": DISK_FULL}, 507)


EXCEPTION_HANDLERS = {
    KeyError: nothing_of_that_name,
    FnIndexInferError: nothing_of_that_name,
    TypeError: no_such_argument,
    ValueError: no_such_argument,
    OSError: disk_is_full,
}
