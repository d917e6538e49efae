"""Registry completeness: every entry has what belongs to it elsewhere."""

import re
from pathlib import Path

import diffusers
import pytest

from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.core.sampling.steps import Step
from playground.ui.export_script import BETAS, script
from playground.ui.state.scene import Scene
from playground.ui.state.settings import HIDEABLE, LOOK_NAMES, validate
from playground.ui.tabs.predict_noise_views import LOOKS
from playground.ui.tabs.remove_noise import FORMULAS

ROOT = Path(__file__).parents[1]


def test_every_schedule_has_its_line_in_the_exported_script() -> None:
    assert set(BETAS) == set(SCHEDULES)


def test_every_schedule_has_a_line_style_of_its_own() -> None:
    """The chosen one is drawn solid, each of the others with dashes of its own."""
    player = ROOT / "playground" / "ui" / "components" / "player"
    (styles,) = re.findall(r"dash-\$\{k % (\d+)\}", (player / "charts.js").read_text(encoding="utf-8"))
    assert int(styles) >= len(SCHEDULES) - 1
    rules = (player / "player.css").read_text(encoding="utf-8")
    dashes = dict(re.findall(r"\.dash-(\d+) \{ stroke-dasharray: ([\d ]+);", rules))
    assert set(dashes) == set(map(str, range(int(styles))))
    assert len(set(dashes.values())) == len(dashes)


def test_every_sampler_has_its_sentence_or_formula() -> None:
    assert list(FORMULAS) == list(SAMPLERS)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_states_its_calls_per_step_and_a_scheduler_of_diffusers(
    sampler: str, library: ModelRegistry
) -> None:
    scene = Scene(library, validate(library, sampler=sampler, T=100, steps=10, count=1))
    steps: list[Step] = list(scene.trajectory())
    assert len(steps) == steps[0].total  # a step is one call of the network
    (name,) = re.findall(r"^scheduler = (\w+)\(", script(scene), re.MULTILINE)
    assert issubclass(getattr(diffusers, name), diffusers.SchedulerMixin)


def test_every_view_of_noise_prediction_has_its_name_claim_and_takeaway() -> None:
    assert tuple(LOOKS) == LOOK_NAMES
    assert all(look.name and look.claim.markdown() and look.seen for look in LOOKS.values())


def test_the_readme_lists_every_control_that_a_link_can_hide() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"&hide=T,eta,guidance`, with any of `([\w\s]+)`", readme)
    assert sorted(listed.split()) == sorted(HIDEABLE)
