"""With --mcp the endpoints are tools for agents, called here over the protocol itself.

The app with the damaged networks has it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx
import pytest

import app
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS


def asked(address: str, method: str, **parameters: Any) -> Any:
    """The answer to one request of the protocol."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    headers = {"Accept": "application/json, text/event-stream"}
    answer = httpx.post(f"{address}gradio_api/mcp/", json=body, headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == 200
    [data] = [line[5:] for line in answer.text.splitlines() if line.startswith("data:")]
    return json.loads(data)["result"]


def test_there_is_a_tool_for_each_question_and_it_says_what_it_takes(damaged: str, library: ModelRegistry) -> None:
    tools = {tool["name"]: tool for tool in asked(damaged, "tools/list")["tools"]}
    assert set(tools) == {"add_noise", "predict_noise", "sample"}
    for tool in tools.values():
        assert tool["description"].split(".")[0].startswith(("Add noise to an image", "Sample new images"))
        for name, parameter in tool["inputSchema"]["properties"].items():
            assert len(parameter.get("description", "")) > 20, (tool["name"], name)
    said = tools["sample"]["inputSchema"]["properties"]["sampler"]["description"]
    assert all(name in said for name in SAMPLERS)
    said = tools["add_noise"]["inputSchema"]["properties"]["image"]["description"]
    assert all(f"0 to {len(library.shipped_pictures(name)) - 1} for {name}" in said for name in ("digits", "emoji"))


def test_a_tool_is_called_and_refuses_in_a_sentence(damaged: str) -> None:
    answer = asked(damaged, "tools/call", name="add_noise", arguments={"t": 300, "seed": 4})
    assert not answer["isError"]
    assert any('"t": 300' in each.get("text", "") or "'t': 300" in each.get("text", "") for each in answer["content"])
    answer = asked(damaged, "tools/call", name="add_noise", arguments={"t": 10**6})
    assert answer["isError"]
    assert "t must be a whole number from 0 to 999" in answer["content"][0]["text"]


def test_without_its_package_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["app.py", "--mcp"])
    with pytest.raises(SystemExit):
        app.main()
    assert "--mcp needs a package that is not here: pip install 'gradio[mcp]'." in capsys.readouterr().err
