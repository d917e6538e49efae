import pytest

from playground.ui.server.markdown_escape import plain


@pytest.mark.parametrize(
    "text", ["a digit", "9,000 digits (MNIST)", "python -m playground.train", "x̂ = 3.5 % – “it”", ""]
)
def test_words_stay_as_they_are(text: str) -> None:
    assert plain(text).replace("\\", "") == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("![x](http://example.org/x.png)", r"\!\[x\](http://example.org/x.png)"),
        ("a | b\n| c", r"a \| b \| c"),
        ("`${1}` {{1}} $$x$$", r"\`\${1}\` {{1}} \$\$x\$\$"),
        ("\\[", r"\\\["),
    ],
)
def test_nothing_in_it_means_anything(text: str, escaped: str) -> None:
    assert plain(text) == escaped
