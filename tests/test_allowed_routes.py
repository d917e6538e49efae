"""Of Gradio's routes only those that the page needs are answered."""

import json
import re
import subprocess
import sys

import httpx
import pytest

from playground.ui.server.allowed_routes import READ, WRITE, is_allowed

UNNEEDED = (
    ("POST", "/gradio_api/process_recording"),
    ("GET", "/gradio_api/proxy=https://example.com/"),
    ("GET", "/gradio_api/file=https://example.com/"),
    ("GET", "/gradio_api/dev/reload"),
    ("GET", "/gradio_api/stream/session/run/1/playlist.m3u8"),
    ("GET", "/gradio_api/file/tmp/x"),
    ("GET", "/monitoring"),
    ("POST", "/gradio_api/vibe-edit"),
    ("POST", "/login"),
    ("GET", "/docs"),
    ("PUT", "/gradio_api/queue/join"),
    ("POST", "/"),
)


ROUTES = """import json
import gradio as gr
from gradio.routes import App

with gr.Blocks() as blocks:
    gr.Button()
pending = [("", route) for route in App.create_app(blocks).routes]
found = []
while pending:
    prefix, route = pending.pop()
    router = getattr(route, "original_router", None)
    if router is not None:
        pending += [(prefix + getattr(route, "prefix", ""), each) for each in router.routes]
    found += [(method, prefix + route.path) for method in getattr(route, "methods", None) or ()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def gradio_routes() -> set[tuple[str, str]]:
    """Method and path of every route of an app of Gradio's, without the slashes at the paths' ends."""
    answer = subprocess.run([sys.executable, "-c", ROUTES], capture_output=True, text=True, check=True, timeout=120)
    return {(method, path.rstrip("/") or "/") for method, path in json.loads(answer.stdout)}


def test_is_allowed_covers_routes_that_gradio_has(gradio_routes: set[tuple[str, str]]) -> None:
    """A route that Gradio no longer has is removed from the list, too."""
    assert len(gradio_routes) > 60
    assert {path for path in READ if ("GET", path) not in gradio_routes} == set()
    assert {path for path in WRITE if ("POST", path) not in gradio_routes} == set()


def test_unneeded_routes_of_gradio_are_not_found(address: str, gradio_routes: set[tuple[str, str]]) -> None:
    """Every route of Gradio's that is not on the list answers 404, whatever it is for."""
    filled = {(method, re.sub(r"{[^}]*}", "1", path)) for method, path in gradio_routes}
    refused = [*UNNEEDED, *sorted(each for each in filled if not is_allowed(*each))]
    assert len(refused) > 30
    with httpx.Client(base_url=address, trust_env=False) as client:
        answers = {route: client.request(*route).status_code for route in refused}
    assert {route: status for route, status in answers.items() if status != 404} == {}


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/theme.css"])
def test_needed_routes_are_answered(address: str, path: str) -> None:
    assert httpx.get(address.rstrip("/") + path, trust_env=False).status_code == 200


def test_a_playlist_that_names_a_file_is_not_converted(address: str) -> None:
    """Gradio's route for recordings hands an upload to ffmpeg, which would read what the playlist names."""
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    files = {"files": ("x.m3u8", playlist)}
    answer = httpx.post(f"{address}gradio_api/process_recording", files=files, trust_env=False)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
