import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.ui.server import request_limits
from playground.ui.server.request_limits import EXCEPTION_HANDLERS, QUEUE_FULL, MaxBodySizeMiddleware
from tests.server import running


async def count(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def look_up(request: Request) -> Response:
    return PlainTextResponse(dict[str, str]()[request.url.path])


async def fail(request: Request) -> Response:
    ModelRegistry([WEIGHTS / "digits"], "cpu").pictures("nothing of that name")
    raise AssertionError


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(request_limits, "MAX_BODY", 1000)
    routes = [Route("/", count, methods=["POST"]), Route("/nothing", look_up), Route("/fault", fail)]
    return TestClient(
        Starlette(routes=routes, middleware=[Middleware(MaxBodySizeMiddleware)], exception_handlers=EXCEPTION_HANDLERS)
    )


def test_as_much_as_is_allowed_comes_in(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 1000).text == "1000"


def test_more_is_refused_whether_announced_or_not(client: TestClient) -> None:
    assert client.post("/", content=b"x" * 1001).status_code == 413
    assert client.post("/", content=(b"x" * 100 for _ in range(11))).status_code == 413


def test_who_asks_for_what_is_not_here_is_told(client: TestClient) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "There is nothing of that name or number here."}


QUEUE_APP = """import os, time
import gradio as gr
from starlette.middleware import Middleware
from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.ui.server import request_limits

request_limits.MAX_QUEUE_PER_ADDRESS = 3
with gr.Blocks() as app:
    gr.api(lambda: time.sleep(60), api_name="wait", concurrency_limit=1)
app.queue().launch(app_kwargs={"middleware": [Middleware(request_limits.QueueShareMiddleware)]})
"""


def test_queue_share_middleware_leaves_the_queue_to_other_addresses() -> None:
    """A header names the address, as behind a proxy that uvicorn trusts: by default one on the same machine."""
    with running("-c", QUEUE_APP) as server:

        def join(address: str) -> httpx.Response:
            forwarded = {"X-Forwarded-For": address}
            return httpx.post(f"{server.address}gradio_api/call/wait", json={"data": []}, headers=forwarded, timeout=30)

        answers = [join("192.0.2.1") for _ in range(12)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        assert answers[-1].status_code == 503
        assert answers[-1].json() == {"detail": QUEUE_FULL}
        assert join("192.0.2.2").status_code == 200


def test_an_error_of_ours_is_logged_and_no_missing_name(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/fault")
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("Something went wrong here (KeyError). It has been logged")
    assert "KeyError: 'nothing of that name'" in caplog.text
