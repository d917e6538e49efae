"""Tab *Remove noise*: sampling, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.data.datasets import ANY_LABEL, ImageDataset
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.ui.components.control import control_arguments
from playground.ui.components.events import PRIVATE
from playground.ui.components.frame import Frame
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.math_text import subscripts
from playground.ui.components.player import build_player
from playground.ui.components.shared_controls import SharedControls, refuse_when_left
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import build_answers, build_request
from playground.ui.state.scene import Scene
from playground.ui.state.settings import MAX_GUIDANCE, MAX_IMAGES, MAX_SOLVERS, Settings
from playground.ui.state.validation import choice
from playground.ui.tabs.remove_noise_views import SamplingView, build_views
from playground.ui.tabs.sampling_options import SAME_LABEL_CHOICE, build_sampling_options
from playground.ui.tabs.sampling_runs import SamplingRuns

FORMULAS = {
    "ddpm": """<span class="mixture">x<sub>t−1</sub></span> = 1/√α<sub>t</sub> ·
(<span class="mixture">x<sub>t</sub></span> − (1−α<sub>t</sub>)/√(1−ᾱ<sub>t</sub>) ·
<span class="prediction">ε̂</span>) + σ<sub>t</sub> · <span class="noise">z</span>,&ensp;
α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub>""",
    "ddim": """<span class="mixture">x<sub>t−1</sub></span> = √ᾱ<sub>t−1</sub> ·
<span class="picture">x̂<sub>0</sub></span> + √(1−ᾱ<sub>t−1</sub>−σ<sub>t</sub>²) · <span class="prediction">ε̂</span> +
σ<sub>t</sub> · <span class="noise">z</span>,&ensp; σ<sub>t</sub> = η · √β̃<sub>t</sub>""",
}
"""Formulas of our own samplers; for those of diffusers a sentence is shown."""


ANY_LABEL_CHOICE = (ANY_LABEL, ANY_LABEL)
SKELETONS = {"trajectory": "3x1", "single_step": "5x1", "guidance": "6x1", "solvers": "5x2"}
"""Columns and rows of each view's film, drawn as empty boxes until the film comes."""


@dataclass(frozen=True)
class RemoveNoiseTab:
    """Parts of the tab, and the updates that follow a choice.

    Attributes:
        library: registry of the networks.
        views: the views by name.
        controls: the controls by name of the setting.
        of_sampler: components that follow the choice of a sampler.
        of_view: components that follow the choice of a view.
        painting: what the user has painted over the picture, or None.
        leave: handler for a page that is closed.
    """

    library: ModelRegistry
    views: dict[str, SamplingView]
    controls: dict[str, Any]
    of_sampler: list[Any]
    of_view: list[Any]
    painting: gr.State
    leave: Callable[[gr.Request], None]

    @property
    def outputs(self) -> list[Any]:
        """Components that `updates` updates."""
        return [*self.controls.values(), *self.of_sampler, *self.of_view, self.painting]

    def updates(self, settings: Settings) -> list[Any]:
        """Updates that bring the tab to these settings; what was painted is removed."""
        following = self.updates_for_model(settings) | {
            "solvers": gr.update(value=settings.solvers.split(",")),
            "sampler": gr.update(choices=samplers_of(settings.sampling_view), value=settings.sampler),
        }
        values = [{"value": getattr(settings, name), **following.get(name, gr.update())} for name in self.controls]
        return [*values, *_of_sampler(settings.sampler), *self.texts_for_view(settings.sampling_view), None]

    def updates_for_model(self, settings: Settings) -> dict[str, Any]:
        """Updates of the controls that follow the choice of a network, by name.

        Controls that the network does not support are hidden; large pictures are sampled fewer at a time.
        """
        pictures = self.library.pictures(settings.model)
        named, knows_labels = _label_choices(pictures), bool(pictures.label_names)
        label, second_label = (
            gr.update(choices=[first, *named], value=value, visible=knows_labels)
            for first, value in ((ANY_LABEL_CHOICE, settings.label), (SAME_LABEL_CHOICE, settings.second_label))
        )
        return {
            "label": label,
            "second_label": second_label,
            "guidance_scale": gr.update(visible=knows_labels),
            "num_images": gr.update(value=settings.num_images)
            if settings.num_images < Settings.num_images
            else gr.update(),
            "compare_ideal": gr.update(choices=predictor_choices(pictures), value=settings.compare_ideal),
        }

    def texts_for_view(self, view: str) -> tuple[str, str, str]:
        """Claim and takeaway of a view, and the text of its button."""
        chosen = self.views[choice("view", view, self.views)]
        return chosen.claim.markdown(), chosen.takeaway, _button_text(view)

    def updates_for_view(self, view: str, model: str, label: str, borrowed_label: str, sampler: str) -> tuple[Any, ...]:
        """Updates that follow the choice of a view: its texts, its samplers, and a label where it needs one.

        Such a label is borrowed: the next view that needs none resets it.

        Args:
            view: the chosen view.
            model: name of the network.
            label: label that is set.
            borrowed_label: label that an earlier view has set; empty for none.
            sampler: sampler that is set.

        Returns:
            Claim, takeaway, text of the button, label, borrowed label, and update of the samplers.
        """
        pictures = self.library.pictures(choice("model", model, self.library.names))
        if view != "guidance":
            label, borrowed_label = ANY_LABEL if label == borrowed_label else label, ""
        elif label == ANY_LABEL and pictures.label_names:
            label = borrowed_label = pictures.label_names[0]
        shown = samplers_of(view)
        of_sampler = gr.update(choices=shown, value=sampler if sampler in shown else "ddim")
        return *self.texts_for_view(view), label, borrowed_label, of_sampler


def _label_choices(pictures: ImageDataset) -> list[tuple[str, str]]:
    """Labels to choose from, each with its category where it has one."""
    categories = pictures.categories or ("",) * len(pictures.label_names)
    named = zip(categories, pictures.label_names, strict=True)
    return [(f"{name} · {category}" if category else name, name) for category, name in named]


def predictor_choices(pictures: ImageDataset) -> list[tuple[str, bool]]:
    """Predictors to sample with: the ideal one only where the network's training pictures are there."""
    both = [] if pictures.is_substitute else [("network and ideal", True)]
    return [("network", False), *both]


def samplers_of(view: str) -> list[str]:
    """Samplers that a view can show: a single step can be decomposed for DDPM and DDIM only."""
    return ["ddpm", "ddim"] if view == "single_step" else list(SAMPLERS)


def _button_text(view: str) -> str:
    return "Compare" if view == "solvers" else "Remove the noise"


def _of_sampler(name: str) -> tuple[Any, Any, str]:
    formula = _formula(choice("sampler", name, SAMPLERS))
    return gr.update(visible=name == "ddim"), gr.update(visible=name == "ddpm"), formula


def _formula(sampler: str) -> str:
    return f'<p class="formula">{FORMULAS.get(sampler) or subscripts(SAMPLERS[sampler].about)}</p>'


@dataclass(frozen=True)
class _Stage:
    """What stands beside and under the film: its view, texts, player and ways to save it."""

    view: gr.Radio
    question: gr.Markdown
    formula: gr.Markdown
    player: gr.HTML
    run_request: gr.HTML
    note: gr.Markdown
    takeaway: gr.Markdown
    save_steps: gr.Button
    steps_file: gr.DownloadButton
    on_show: list[gr.Number]
    code_part: gr.Accordion
    code: gr.Markdown


def _build_stage(views: dict[str, SamplingView], default: Settings) -> _Stage:
    view = gr.Radio(
        [(each.name, name) for name, each in views.items()],
        **control_arguments("sampling_view", default),
        show_label=False,
        container=False,
        elem_classes="segments",
    )
    with gr.Row(elem_classes="claim-row"):
        question = gr.Markdown(views[default.sampling_view].claim.markdown(), elem_classes="question")
        formula = gr.Markdown(_formula(default.sampler), elem_classes="sampler-formula")
    player = build_player(
        elem_id="player-reverse",
        label="Removing noise",
        prompt="Not sampled yet",
        runs="sampling",
        skeletons=SKELETONS,
    )
    run_request = build_request("sampling")
    note = gr.Markdown(elem_classes="note")
    takeaway = gr.Markdown(views[default.sampling_view].takeaway, elem_classes="takeaway")
    with gr.Row(elem_classes="export-row"):
        save_steps = gr.Button("Save every step (.npz)", size="sm", min_width=0, scale=0, elem_id="export-npz")
        steps_file = gr.DownloadButton(visible="hidden", elem_id="steps-file")
        on_show = [gr.Number(visible="hidden", label=f"{what} on show") for what in ("The film", "Frames")]
    with gr.Accordion("Show me the code", open=False, elem_id="show-code") as code_part:
        code = gr.Markdown(elem_id="script")  # gr.Code would load an editor of several hundred kilobytes
    texts = (view, question, formula, player, run_request, note, takeaway)
    return _Stage(*texts, save_steps, steps_file, on_show, code_part, code)


def _build_controls(first: Scene, labels: list[tuple[str, str]]) -> tuple[dict[str, Any], list[Any]]:
    """Controls of sampling in their order on the page, and the columns that one sampler each has for itself."""
    default = first.settings
    controls: dict[str, Any] = {
        "label": gr.Dropdown(
            [ANY_LABEL_CHOICE, *labels], **control_arguments("label", default), min_width=0, visible=bool(labels)
        ),
        "num_images": gr.Slider(1, MAX_IMAGES, step=1, **control_arguments("num_images", default), min_width=0),
        "solvers": gr.Dropdown(
            list(SAMPLERS),
            **control_arguments("solvers", default) | {"value": default.solvers.split(",")},
            multiselect=True,
            max_choices=MAX_SOLVERS,
            min_width=0,
        ),
        "nfe": gr.Number(**control_arguments("nfe", default), min_width=0),
        "sampler": gr.Dropdown(list(SAMPLERS), **control_arguments("sampler", default), min_width=0),
        "steps": gr.Number(**control_arguments("steps", default), min_width=0),
        "guidance_scale": gr.Slider(
            0,
            MAX_GUIDANCE,
            step=0.1,
            **control_arguments("guidance_scale", default),
            min_width=0,
            visible=len(labels) > 1,
        ),
    }
    with gr.Column(min_width=0, visible=default.sampler == "ddim", elem_id="control-eta") as only_ddim:
        controls["eta"] = gr.Slider(0, 1, step=0.05, **control_arguments("eta", default) | {"elem_id": None})
    with gr.Column(min_width=0, visible=default.sampler == "ddpm", elem_id="control-variance_type") as only_ddpm:
        variances = [("β̃ₜ", "fixed_small"), ("βₜ", "fixed_large")]
        controls["variance_type"] = gr.Radio(
            variances, **control_arguments("variance_type", default) | {"elem_id": None}
        )
    controls["compare_ideal"] = gr.Radio(
        predictor_choices(first.pictures), **control_arguments("compare_ideal", default)
    )
    return controls, [only_ddim, only_ddpm]


def build_remove_noise(
    shared_controls: SharedControls, first: Scene, run_limiter: RunLimiter, frame: Frame
) -> RemoveNoiseTab:
    """Lay out the tab, with its controls in the rail.

    Args:
        shared_controls: the controls beside all tabs.
        first: scene whose settings the controls show at first.
        run_limiter: limits the runs under way.
        frame: frame of the page.

    Returns:
        The tab's parts.
    """
    default, labels, views = first.settings, _label_choices(first.pictures), build_views()
    stage = _build_stage(views, default)
    with frame.groups["sampling"]:
        sampling, of_one_sampler = _build_controls(first, labels)
    options = build_sampling_options(shared_controls, default, labels, frame.groups["sampling-options"])
    with frame.foot:
        run = gr.Button(
            _button_text(default.sampling_view),
            variant="primary",
            min_width=0,
            elem_id="run",
            elem_classes="on-sampling",
        )
        stop = gr.Button("Stop", min_width=0, elem_id="stop", elem_classes="on-sampling")
    controls = {**sampling, "sampling_view": stage.view, **options.controls}
    runs = SamplingRuns(shared_controls, controls, views, run_limiter)
    tab = RemoveNoiseTab(
        shared_controls.library,
        views,
        controls,
        [*of_one_sampler, stage.formula],
        [stage.question, stage.takeaway, run],
        options.painting,
        runs.leave,
    )
    values = [*shared_controls.inputs, *controls.values(), options.painting]
    _connect_runs(stage, runs, values, run, stop)
    of_code = [*shared_controls.changed, shared_controls.renewed.change, *(each.change for each in controls.values())]
    load_when_open(stage.code_part, of_code, runs.as_script, values, [stage.code])
    _connect_choices(tab, shared_controls)
    return tab


def _connect_runs(stage: _Stage, runs: SamplingRuns, values: list[Any], run: gr.Button, stop: gr.Button) -> None:
    """Start and stop runs, and save the steps of the film on show."""
    lane: dict[str, Any] = {"concurrency_limit": None, **PRIVATE}  # the run limiter limits these
    stage.run_request.submit(
        runs.stream_run,
        [stage.run_request, *values],
        [stage.player, stage.note],
        **{**lane, "trigger_mode": "multiple"},
    )
    build_answers(runs.runs, stage.run_request, "sampling")
    run.click(None, js="() => playground.sample()", api_visibility="private")
    stop.click(None, js="() => playground.requests.sampling.stop()", api_visibility="private")
    # Only the browser knows which film is on show, and how much of it: the end of a stopped run may never arrive.
    on_show = """() => {
        const { run, frames } = document.querySelector("#player-reverse .player").dataset;
        return [+(run ?? 0), +(frames ?? 0)];
    }"""
    stage.save_steps.click(runs.export_npz, stage.on_show, stage.steps_file, js=on_show, **lane).success(
        None, stage.steps_file, None, js="(file) => playground.download(file)", api_visibility="private"
    )


def _connect_choices(tab: RemoveNoiseTab, shared_controls: SharedControls) -> None:
    """Follow the choice of a sampler and of a view; check the fields when they are left."""
    controls = tab.controls
    view, label, sampler = controls["sampling_view"], controls["label"], controls["sampler"]
    sampler.input(_of_sampler, sampler, tab.of_sampler, **PRIVATE)
    borrowed_label = gr.State("")
    view.input(None, js="() => playground.choose()", api_visibility="private")
    label.input(lambda: "", None, borrowed_label, **PRIVATE)
    view.input(
        tab.updates_for_view,
        [view, shared_controls.controls["model"], label, borrowed_label, sampler],
        [*tab.of_view, label, borrowed_label, sampler],
        **PRIVATE,
    ).success(None, js="() => playground.watch()", api_visibility="private")
    refuse_when_left(controls["steps"], "steps", shared_controls.library, {"T": shared_controls.controls["T"]})
    refuse_when_left(controls["nfe"], "nfe", shared_controls.library, {"T": shared_controls.controls["T"]})
