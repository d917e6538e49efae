"""The states that the page is measured in, how to open them, and where everything then lies; see measuring.js."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Frame, Page

PLAYERS = {
    "forward": "player-forward",
    "prediction": "player-prediction",
    "sampling": "player-reverse",
    "training": "player-training",
}
PRIMARY = {"sampling": "#run", "training": "#train"}


@dataclass(frozen=True)
class State:
    """What a link says, and how many panels its film has."""

    query: str
    panels: int

    @property
    def player(self) -> str:
        return PLAYERS[self._tab]

    @property
    def primary(self) -> str | None:
        """The button that starts it; there is none where the film follows the controls."""
        return PRIMARY.get(self._tab)

    @property
    def _tab(self) -> str:
        return self.query.partition("tab=")[2].partition("&")[0] or "forward"


STATES = {
    "add": State("", 3),
    "walk": State("forward_process=markov_chain", 3),
    "predictors": State("tab=prediction", 15),
    "independence": State("tab=prediction&analysis=independence", 5),
    "step": State("tab=prediction&analysis=reverse_step", 8),
    "shrinkage": State("tab=prediction&analysis=shrinkage", 6),
    "names": State("tab=prediction&analysis=parameterizations", 12),
    "training": State("tab=prediction&analysis=training", 5),
    "depth": State("tab=prediction&analysis=out_of_distribution", 20),
    "run": State("tab=sampling&steps=10&frame=5", 3),
    "both": State("tab=sampling&compare_ideal=1&steps=10&frame=5", 8),
    "slow": State("tab=sampling&sampling_view=single_step&steps=10&frame=5", 5),
    "guidance": State("tab=sampling&sampling_view=guidance&label=3&steps=10&frame=5", 6),
    "race": State("tab=sampling&sampling_view=solvers&T=100&nfe=4&frame=4", 10),
    "planes": State("tab=training&train_steps=100", 4),
}

IS_THERE = """([player, panels]) => {
    const { state, sampling, training } = playground.requests, stage = document.querySelector(`#${player} .panels`);
    return !state.pending && !sampling.running && !training.running && stage?.offsetParent
        && stage.querySelectorAll('.panel canvas').length === panels;
}"""


def wait_for(page: Page | Frame, state: State) -> None:
    """Until its film is there and all is laid out."""
    page.wait_for_function(IS_THERE, arg=[state.player, state.panels])
    at_rest(page)


def open_state(page: Page | Frame, state: State) -> None:
    """Go there as a link does."""
    page.evaluate("query => playground.navigate(query)", state.query)
    wait_for(page, state)


def at_rest(page: Page | Frame) -> None:
    """Wait until all is laid out and nothing moves."""
    page.evaluate(
        """async () => {
            for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame);
            const moving = document.getAnimations().filter((each) => each.playState === 'running');
            await Promise.all(moving.map((each) => each.finished.catch(() => {})));
        }"""
    )


def measured(page: Page | Frame, state: State) -> dict[str, Any]:
    """Where the film lies, and what of it, its transports and the primary button cannot be seen."""
    return dict(page.evaluate("state => measuring.film(...state)", [state.player, state.primary]))


def seen(page: Page | Frame, *selectors: str) -> list[str]:
    """Those of them that can be seen."""
    script = "selectors => selectors.filter((each) => measuring.seen(document.querySelector(each)))"
    return list(page.evaluate(script, list(selectors)))
