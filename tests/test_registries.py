"""Registry completeness: every entry has what belongs to it elsewhere."""

import math
import re
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from gradio_client import Client
from torch.testing import assert_close

from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.core.sampling.steps import Step
from playground.ui.components.control import visibility_css
from playground.ui.export_script import script
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import ANALYSES, CONTROLS, HIDEABLE, INITS, SAMPLING_VIEWS, validate
from playground.ui.state.validation import Number
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS
from playground.ui.tabs.remove_noise import FORMULAS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("T", [10, 100, 1000, 4000])
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_script_of_every_schedule_sets_its_betas(name: str, T: int) -> None:
    names: dict[str, Any] = {"math": math, "torch": torch, "T": T}
    exec(SCHEDULES[name].script_for(T), names)
    assert_close(names["betas"], SCHEDULES[name](T).betas, rtol=1e-9, atol=1e-12)


def test_every_schedule_has_a_line_style_of_its_own() -> None:
    """The chosen one is drawn solid, each of the others with dashes of its own."""
    player = ROOT / "playground" / "ui" / "components" / "player"
    (styles,) = re.findall(r"dash-\$\{k % (\d+)\}", (player / "charts.js").read_text(encoding="utf-8"))
    assert int(styles) >= len(SCHEDULES) - 1
    rules = (player / "player.css").read_text(encoding="utf-8")
    dashes = dict(re.findall(r"\.dash-(\d+) {\s+stroke-dasharray: ([\d ]+);", rules))
    assert set(dashes) == set(map(str, range(int(styles))))
    assert len(set(dashes.values())) == len(dashes)


def test_every_sampler_has_a_sentence_with_its_source() -> None:
    assert all(re.search(r"\(.*\d{4}.*\)\.$", each.about) for each in SAMPLERS.values())
    assert FORMULAS.keys() <= SAMPLERS.keys()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_states_its_calls_per_step_and_a_scheduler_of_diffusers(
    sampler: str, library: ModelRegistry
) -> None:
    scene = Scene(library, validate(library, sampler=sampler, T=100, steps=10, num_images=1))
    steps: list[Step] = list(sampling.trajectory(scene))
    assert len(steps) == steps[0].total == SAMPLERS[sampler].nfe(10)  # a Step is one call of the network
    assert SAMPLERS[sampler].steps_for_nfe(SAMPLERS[sampler].nfe(10)) == 10
    (name,) = re.findall(r"^scheduler = (\w+)\(", script(scene), re.MULTILINE)
    assert issubclass(getattr(diffusers, name), diffusers.SchedulerMixin)


def test_every_view_of_noise_prediction_has_its_name_claim_and_takeaway() -> None:
    assert tuple(ANALYSIS_VIEWS) == ANALYSES
    assert all(look.name and look.claim.markdown() and look.takeaway for look in ANALYSIS_VIEWS.values())


def test_the_teaching_guide_lists_every_control_that_a_link_can_hide() -> None:
    guide = (ROOT / ".github" / "TEACHING.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"&hide=T,eta,guidance_scale`, with any of `([\w\s]+)`", guide)
    assert sorted(listed.split()) == sorted(HIDEABLE)


def test_every_declared_control_is_on_the_page_once_with_its_label_and_range(address: str) -> None:
    components = [each["props"] for each in Client(address, verbose=False).config["components"]]
    ids = [props.get("elem_id") for props in components]
    labels = {props.get("label") for props in components}
    for name in HIDEABLE:
        control = CONTROLS[name]
        assert ids.count(f"control-{name}") == 1, name
        assert control.label in labels, name
        assert control.tooltip or control.label == "View", name  # the buttons of a view say what it is
        for props in components:
            if props.get("elem_id") == f"control-{name}" and "maximum" in props and isinstance(control.kind, Number):
                assert (props["minimum"], props["maximum"]) == (control.kind.low, control.kind.high)


def test_every_control_that_is_not_always_shown_is_hidden_by_the_style_sheet() -> None:
    rules = visibility_css()
    for name, control in CONTROLS.items():
        if control.visible_when is not None:
            other, values = control.visible_when
            assert set(values) <= set(SAMPLING_VIEWS if other == "sampling_view" else INITS)
            shown = ", ".join(f"[data-{other}={value}]" for value in values)
            assert f"body:not(:is({shown})) #control-{name} {{ display: none" in rules
