import re

import pytest

from playground.ui.components.control import full_name
from playground.ui.components.share_panel import is_local, qr_code, reach
from playground.ui.state.settings import HIDEABLE


def test_a_link_becomes_a_square_that_scales() -> None:
    svg = qr_code("http://127.0.0.1:7860/?tab=forward&seed=3")
    assert svg.startswith("<svg")
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert size is not None
    assert size[1] == size[2]


@pytest.mark.parametrize("text", ["", "javascript:alert(1)", "http://x/" + "y" * 2000])
def test_what_is_no_link_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="A link to share starts with http:// or https://"):
        qr_code(text)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "127.8.9.1"])
def test_a_link_that_only_this_computer_opens_says_how_others_get_in(host: str) -> None:
    assert is_local(f"http://{host}/?seed=3")
    assert "start the app with `--host 0.0.0.0`" in reach(f"http://{host}/?seed=3")


@pytest.mark.parametrize("host", ["10.0.0.7:7860", "example.org", "127.example.org"])
def test_a_link_that_others_open_says_what_is_not_part_of_it(host: str) -> None:
    assert not is_local(f"http://{host}/?seed=3")
    assert reach(f"http://{host}/?seed=3") == "A picture of your own is not part of the link."


def test_every_control_that_a_link_can_hide_is_offered_by_a_name() -> None:
    assert len(set(map(full_name, HIDEABLE))) == len(HIDEABLE)
