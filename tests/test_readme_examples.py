"""The README's examples for scripts do what they say; those in JavaScript are run in tests/browser."""

from __future__ import annotations

import base64
import json
import re
import subprocess

import pytest
from gradio_client import Client

from playground.core.diffusion.schedules import SCHEDULES
from playground.core.sampling.samplers import SAMPLERS
from tests.server import ROOT

HERE = "http://127.0.0.1:7860/"
PNG = b"\x89PNG"


def examples(language: str) -> list[str]:
    """The blocks of a language in the README's section on code."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Use it from code")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", examples("python"), ids=["core", "endpoints"])
def test_the_examples_in_python_run(
    example: str, address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    exec(example.replace(HERE[:-1], address[:-1]).replace("steps=100", "steps=10"), {})
    assert capsys.readouterr().out.split()


def test_the_example_with_curl_runs(address: str) -> None:
    [example] = examples("sh")
    said = subprocess.run(
        ["sh", "-c", example.replace(HERE, address)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "event: complete" in said
    [[pictures, record]] = json.loads(said.rpartition("data: ")[2])
    assert record["t"] == 300
    assert record["settings"]["schedule"] == "cosine"
    assert base64.b64decode(pictures["x_t"].partition(",")[2]).startswith(PNG)


def test_every_argument_is_documented_in_the_readme_and_for_agents(address: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Use it from code")[2]
    endpoints = Client(address, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    for endpoint in endpoints.values():
        for parameter in endpoint["parameters"]:
            assert f"`{parameter['parameter_name']}`" in readme
            assert parameter["type"]["type"] in ("string", "integer", "number", "boolean")
    assert all(re.search(rf"[` ]{re.escape(name)}[` ]", readme) for name in (*SCHEDULES, *SAMPLERS))
