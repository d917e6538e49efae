"""Starting the app where the machine is unusual: proxies, taken ports, no home, another user's temporary folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from playground.command_line import check_address
from tests.server import ROOT, running

pytestmark = pytest.mark.slow

NOWHERE = "127.0.0.1:9"
"""A proxy that does not answer."""
PROXIES = {
    "http": {"http_proxy": f"http://{NOWHERE}", "https_proxy": f"http://{NOWHERE}", "no_proxy": ""},
    "http, with exceptions": {"HTTP_PROXY": f"http://{NOWHERE}", "no_proxy": "example.com"},
    "socks": {"ALL_PROXY": f"socks5://{NOWHERE}", "http_proxy": "", "https_proxy": "", "no_proxy": ""},
}


def answers(address: str) -> bool:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return "Diffusion Playground" in client.get(address).text


@pytest.mark.parametrize("variables", PROXIES.values(), ids=PROXIES)
def test_app_starts_behind_a_proxy(variables: dict[str, str]) -> None:
    """Gradio calls its own server, and a proxy could not reach it."""
    with running("app.py", "--no-accelerate", "--model", "weights/digits", **variables) as server:
        assert answers(server.address)
        assert ("ALL_PROXY is not used" in server.said()) == ("ALL_PROXY" in variables)


@pytest.mark.skipif(sys.platform != "linux", reason="only there every address that begins with 127 is this machine's")
def test_app_starts_behind_a_proxy_at_any_of_its_addresses() -> None:
    variables = PROXIES["http"]
    with running(
        "app.py", "--no-accelerate", "--model", "weights/digits", "--host", "127.0.0.2", **variables
    ) as server:
        assert answers(server.address)


def test_app_uploads_where_the_temporary_folder_is_another_user_s(tmp_path: Path) -> None:
    """A file in place of the folder: tests may run as root, for whom every folder is writable."""
    (tmp_path / "gradio").write_text("not a folder")
    with running("app.py", "--no-accelerate", "--model", "weights/digits", TMPDIR=str(tmp_path)) as server:
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.post(f"{server.address}gradio_api/upload", files={"files": ("a.png", b"picture")})
        assert answer.status_code == 200
        assert Path(answer.json()[0]).read_bytes() == b"picture"


def test_app_starts_without_a_home(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import pwd; pwd.getpwuid = lambda uid: {}[uid]")
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    script = "import os, runpy, sys; del os.environ['HOME']; sys.argv = ['app.py', '--model', 'weights/digits']; "
    script += "runpy.run_path('app.py', run_name='__main__')"
    with running("-c", script, PYTHONPATH=path, XDG_CACHE_HOME="", TMPDIR=str(tmp_path)) as server:
        assert answers(server.address)


def start(*options: str, **variables: str) -> str:
    """What the app prints if it ends at once, without a traceback."""
    command = [sys.executable, "app.py", "--no-accelerate", *options]
    environment = {**os.environ, **variables}
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment)
    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_app_names_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = (
            f"The page cannot be served at 127.0.0.1:{port} (Address already in use): choose another --host or --port."
        )
        assert sentence in start("--port", str(port))


def test_app_names_a_wrong_port() -> None:
    for number in ("99999", "0", "http"):
        assert f"it must be a whole number from 1 to 65535; it was {number}" in start("--port", number)
    assert "from 1 to 65535; it was here" in start(GRADIO_SERVER_PORT="here")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "192.0.2.1", "a" * 80, "\udce9"])
def test_check_address_names_a_wrong_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"The page cannot be served at .*: choose another --host or --port\."):
        check_address(host, 7860)


def test_check_address_accepts_every_interface() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        check_address(host, port)
