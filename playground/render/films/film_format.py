"""Film format: the types of a film as the player reads it.

A film is a plain dict that becomes JSON. Numbers and pictures in it are base64 text. The other half of these types is
player/film.js.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

Limits = tuple[float, float]
"""Values drawn as black and white, or as the first and the last colour of noise."""


Draws = Literal["data", "paths", "field", "exact"]
"""What a plane shows: noisy data, paths of the particles, the network's vectors, the exact ones."""


class Panel(TypedDict):
    """One picture in each frame; `film.panel` says what the parts are."""

    title: str
    role: str
    limits: Limits
    scale: Literal["picture", "noise", "plane"]
    before: str
    factor: str
    badge: str
    about: str
    note: str
    draws: NotRequired[Draws]


class FilmNumber(TypedDict):
    """A value that changes with the frame; `film.number` says what the parts are."""

    key: str
    symbol: str
    values: str
    role: str
    about: str
    digits: int
    over: NotRequired[str]


class Series(TypedDict):
    """A curve through `x` and `y` or through the two numbers `of`, or a band between `low` and `high`."""

    name: str
    role: str
    dot: str
    style: str
    x: NotRequired[list[float]]
    y: NotRequired[list[float]]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]
    of: NotRequired[list[str]]


class LineChart(TypedDict):
    """Curves and bands; `charts.line_chart` says what the parts are."""

    title: str
    range: list[float]
    range_y: Limits | None
    log: bool
    across: str
    series: list[Series]


class Bars(TypedDict):
    """Shares of a histogram's bins as bytes, one row for all frames or one per frame."""

    name: str
    role: str
    bytes: str


class Histogram(TypedDict):
    """Bars, and a curve over them; `charts.histogram_chart` says what the parts are."""

    title: str
    range: list[float]
    bins: int
    bars: list[Bars]


class ScatterChart(TypedDict):
    """The pixels of one panel over those of another; `charts.scatter_chart` says what the parts are."""

    title: str
    scatter: list[int]
    ranges: list[Limits]
    note: str
    every: int


Chart = LineChart | Histogram | ScatterChart


class Plane(TypedDict):
    """What all planes of a film share.

    Attributes:
        side: side of a plane in pixels.
        reach: half the side in data units.
        scale: what the paths' whole numbers are divided by.
        layers: data and noise, (2, N, 2), float32.
        table: coefficients of both at each place, float32.
        grid: positions of the vectors, (M, 2), float32.
        density: density of x_t at each place and position, uint8.
        field: exact vectors at each place and position, int8.
    """

    side: int
    reach: float
    scale: int
    layers: str
    table: str
    grid: str
    density: str
    field: str


class Snapshot(TypedDict):
    """Paths of the particles (int16) and predicted vectors (int8) of one frame."""

    paths: str
    field: str


class Places(TypedDict):
    """Places of a generation, from noise to data."""

    labels: list[str]
    ends: list[str]


class Film(TypedDict, total=False):
    """Frames of a film, all of them or a piece. A later piece has only the parts that grow.

    Attributes:
        start: index of the piece's first frame.
        total: number of frames of the whole film.
        labels: one label per frame.
        ends: names of both ends.
        sync: whether the film is over t; all such films stand at the same t.
        at: frame to begin at.
        size: width, height, channels.
        panels: its panels, `columns` of them in a row of a matrix.
        strip: index of the panel shown as a film strip.
        still: layers that are the same in every frame, float32.
        limits: limits of the moving layers.
        table: weights of the layers for each frame and panel, float32.
        moving: pictures of the moving layers, uint8.
        numbers: values that change with the frame.
        formulas: formulas as text, role and key of each part.
        charts: the charts below it.
        remark: a sentence below the numbers.
        words: text below a panel by the panel's index, one per frame.
        absent: why a panel is empty by the panel's index, one per frame.
        plane, places, snapshots: of a film of planes.
        settings: settings that it was made from, as a link has them.
        analysis: view of *Predict noise* that it belongs to.
        request: number of the request that it answers.
        run: number of the film: later ones have higher numbers.
        stays: whether it may replace the film on show without leaving the frame.
        follow: whether each frame is to be shown as it comes.
    """

    start: int
    total: int
    labels: list[str]
    ends: list[str]
    sync: bool
    at: int
    size: list[int]
    panels: list[Panel]
    columns: int
    strip: int
    still: str
    limits: list[Limits]
    table: str
    moving: str
    numbers: list[FilmNumber]
    formulas: Sequence[list[list[str]]]
    charts: Sequence[Chart]
    remark: str
    words: dict[str, list[str]]
    absent: dict[str, list[str]]
    plane: Plane
    places: Places
    snapshots: list[Snapshot]
    settings: dict[str, str]
    analysis: str
    request: int
    run: int
    stays: bool
    follow: bool


class RunEnd(TypedDict, total=False):
    """End of a run.

    Attributes:
        ended: True.
        request: number of the request.
        run: number of its film.
        frames: number of frames of the film.
        stays: whether the film replaced another with the same number.
        x_T: for a run that was not started, the noise that it would start with, as a data: URL.
    """

    ended: bool
    request: int
    run: int
    frames: int
    stays: bool
    x_T: str
