"""Request limits: the size of a request's body, and the answers to failed requests."""

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
