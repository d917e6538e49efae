"""The film format has the same parts in Python and in the browser."""

import re
from pathlib import Path
from typing import Any, NotRequired, get_origin, get_type_hints

import pytest

from playground.render.films import film_format
from playground.ui.components.player import player

SCRIPT = Path(player.__file__).with_name("film.js").read_text(encoding="utf-8")
HALVES = {
    "FilmPiece": film_format.Film,
    "RunEnd": film_format.RunEnd,
    "Panel": film_format.Panel,
    "NumberPiece": film_format.FilmNumber,
    "Series": film_format.Series,
    "LineChart": film_format.LineChart,
    "Histogram": film_format.Histogram,
    "ScatterChart": film_format.ScatterChart,
    "PlanePiece": film_format.Plane,
}


@pytest.mark.parametrize("name", HALVES)
def test_typedefs_of_the_player_have_the_parts_of_the_typed_dicts(name: str) -> None:
    typed_dict: Any = HALVES[name]
    (block,) = re.findall(rf"@typedef {{object}} {name}\b.*?\*/", SCRIPT, re.DOTALL)
    properties = re.findall(r"@property {.*} (\[?)(\w+)", block)
    assert {part for _, part in properties} == set(typed_dict.__annotations__)
    if typed_dict.__total__:
        hints = get_type_hints(typed_dict, include_extras=True)
        required = {part for part, hint in hints.items() if get_origin(hint) is not NotRequired}
        assert {part for optional, part in properties if not optional} == required
