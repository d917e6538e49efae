import re

import pytest

from playground.ui.share import qr_code


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
