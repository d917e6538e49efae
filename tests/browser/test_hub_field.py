"""The field for networks from the Hub, where the host allows it, beside a Hub that runs on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Watched
from tests.conftest import unlabelled
from tests.hub import running_hub
from tests.server import running_app

OpenPage = Callable[..., Watched]


@pytest.fixture
def with_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The app with one network from the Hub, started by its name, and the field for more."""
    unlabelled(tmp_path / "first", sample_size=16)
    unlabelled(tmp_path / "second", in_channels=3, out_channels=3, sample_size=16)
    with running_hub({"some/first": tmp_path / "first", "some/second": tmp_path / "second"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
        with running_app("--model", "some/first", "--hub-field", "--device", "cpu") as address:
            yield address


def ask(page: Any, name: str) -> None:
    page.get_by_label("Its name").fill(name)
    page.locator("#fetch").click()


def test_whoever_opens_the_page_fetches_a_network_and_all_have_it(open_page: OpenPage, with_field: str) -> None:
    page = open_page(with_field).page
    expect(page.locator("#about-picture")).to_contain_text("from the substitute dataset digits")
    page.get_by_role("button", name="Another network, from the Hub").click()
    ask(page, "some/other")
    expect(page.locator("#fetched")).to_contain_text("There is no network some/other on the Hub")
    ask(page, "some/second")
    expect(page.locator("#fetched")).to_contain_text("some/second is here, and chosen.")
    expect(page.locator("#about-picture")).to_contain_text("from the substitute dataset emoji")
    page.wait_for_url("**model=some%2Fsecond**")
    page.get_by_role("tab", name="Predict noise").click()
    page.locator("#tab-prediction .more summary").click()
    expect(page.get_by_text("The ideal predictor is missing here")).to_be_visible()
    later = open_page(with_field + "?model=some/second").page
    expect(later.locator("#about-picture")).to_contain_text("from the substitute dataset emoji")
    expect(later.locator("#control-model input")).to_have_value("some/second")


def test_the_field_is_not_there_unless_the_host_wants_it(open_page: OpenPage) -> None:
    expect(open_page().page.locator("#hub")).to_have_count(0)
