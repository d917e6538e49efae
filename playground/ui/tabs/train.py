"""Tab *Train*: a small network learns a toy dataset in two dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.toy2d.datasets import TOY_DATASETS
from playground.ui.components.claim import Claim
from playground.ui.components.control import control_arguments
from playground.ui.components.events import PRIVATE, PRIVATE_EACH
from playground.ui.components.frame import Frame
from playground.ui.components.picker import build_drawing_pad, parse_drawing
from playground.ui.components.player import build_player
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import build_answers, build_request
from playground.ui.state.scene import Scene
from playground.ui.state.settings import LAYERS, RATES, TRAINING_FIELDS, WIDTHS, Settings
from playground.ui.tabs.training_runs import TrainingRuns

CLAIM = Claim(
    "Can random noise be learned?",
    'min<sub>θ</sub> E ‖<span class="noise">ε</span> − ε<sub>θ</sub>(<span class="mixture">x<sub>t</sub></span>, t)‖²',
    """Here every picture has two pixels, so it is a point in the plane. A small network is trained on 2,000 points
with the four lines of *Training step*. The particles start in noise, and the sampler moves them, step by step, against
the arrows of ε̂. Before training ε̂ is 0.

Remove x<sub>t</sub> or t from the network's inputs and train again. Without x<sub>t</sub> the network would have to
predict noise that is independent of its input.

For this test choose ε as the target. With x<sub>0</sub> or v the conversion of the output to ε̂ uses x<sub>t</sub>;
only with ε is ε̂ then independent of x<sub>t</sub>.""",
)

TAKEAWAY = """**Takeaway.** Noise that is independent of the input cannot be predicted: without x<sub>t</sub>
the loss stays at the level of predicting the mean. The noise *in x<sub>t</sub>* can be predicted: with
x<sub>t</sub> the loss falls to a floor, that of the exact posterior mean E[ε | x<sub>t</sub>], and the arrows
approach the exact field. The particles, which start from the same x<sub>T</sub>, then end in the data.
Without t one prediction must serve all noise levels, and the result is blurred."""

TARGET_NAMES = [("ε", "epsilon"), ("x₀", "sample"), ("v", "v_prediction")]
BUTTONS = {"train": "Train", "pause-training": "Pause", "one-step": "+1", "reset-training": "Reset"}
SAMPLER_NAMES = [("probability-flow ODE", "probability_flow"), ("DDIM", "ddim"), ("DDPM", "ddpm")]


@dataclass(frozen=True)
class TrainTab:
    """Parts of the tab.

    Attributes:
        controls: the controls by name of the setting.
        own: the user's drawing, or None.
        changed: events after which training begins anew.
        inputs: components whose values the handlers get.
        shown: components that `prepare` updates: player and note.
        prepare: handler that gets the name of the open tab and the values of `inputs`.
        leave: handler for a page that is closed.
    """

    controls: dict[str, Any]
    own: gr.State
    changed: list[Any]
    inputs: list[Any]
    shown: list[Any]
    prepare: Callable[..., Any]
    leave: Callable[[gr.Request], None]

    @property
    def outputs(self) -> list[Any]:
        """Components that `updates` updates."""
        return [*self.controls.values(), self.own]

    def updates(self, settings: Settings) -> list[Any]:
        """Updates that bring the tab to these settings; a drawing is removed."""
        return [*(getattr(settings, name) for name in TRAINING_FIELDS), None]


def _build_controls(default: Settings, frame: Frame) -> tuple[dict[str, Any], gr.HTML]:
    """Controls of the training, in the rail, and the pad on which a dataset is drawn."""
    with frame.groups["dataset"]:
        controls: dict[str, Any] = {
            "toy_dataset": gr.Radio(
                [(name.replace("_", " "), name) for name in TOY_DATASETS],
                **control_arguments("toy_dataset", default),
                show_label=False,
                container=False,
            )
        }
        pad = build_drawing_pad()
    with frame.groups["toy-network"]:
        controls |= {
            "prediction_type": gr.Radio(TARGET_NAMES, **control_arguments("prediction_type", default)),
            "input_x_t": gr.Checkbox(**control_arguments("input_x_t", default), container=False),
            "input_t": gr.Checkbox(**control_arguments("input_t", default), container=False),
            "hidden_width": gr.Slider(*WIDTHS, step=16, **control_arguments("hidden_width", default), min_width=0),
            "hidden_layers": gr.Slider(*LAYERS, step=1, **control_arguments("hidden_layers", default), min_width=0),
            "lr": gr.Dropdown([(f"{rate:g}", rate) for rate in RATES], **control_arguments("lr", default), min_width=0),
        }
    with frame.groups["toy-sampler"]:
        controls["toy_sampler"] = gr.Radio(
            SAMPLER_NAMES, **control_arguments("toy_sampler", default), show_label=False, container=False
        )
    return controls, pad


def build_train(shared_controls: SharedControls, first: Scene, run_limiter: RunLimiter, frame: Frame) -> TrainTab:
    """Lay out the tab, with its controls in the rail, and listen to its buttons.

    Args:
        shared_controls: the controls beside all tabs.
        first: scene whose settings the controls show at first.
        run_limiter: limits the trainings under way.
        frame: frame of the page.

    Returns:
        The tab's parts.
    """
    own = gr.State(None)
    with gr.Row(elem_classes="claim-row"):
        gr.Markdown(CLAIM.markdown(), elem_classes="question")
        note = gr.Markdown(elem_classes="note", elem_id="training-note")
    player = build_player(elem_id="player-training", label="Training", runs="training", skeletons={"": "4x1"})
    run_request = build_request("training")
    gr.Markdown(TAKEAWAY, elem_classes="takeaway")
    controls, pad = _build_controls(first.settings, frame)
    with frame.foot:
        buttons = {
            name: gr.Button(
                text,
                variant="primary" if name == "train" else "secondary",
                size="lg" if name in ("train", "pause-training") else "sm",
                min_width=0,
                elem_id=name,
                elem_classes="on-training",
            )
            for name, text in BUTTONS.items()
        }
    pad.input(parse_drawing, pad, own, **PRIVATE)
    have = gr.Number(visible="hidden")
    runs = TrainingRuns(shared_controls, controls, run_limiter)
    inputs = [*shared_controls.inputs, own, *controls.values()]
    of_film: dict[str, Any] = {"outputs": [player, note], **PRIVATE}
    # By default Gradio drops a press that comes while the one before is handled.
    running = {**of_film, "trigger_mode": "multiple"}
    run_request.submit(runs.train, [run_request, *inputs], concurrency_limit=None, **running)  # runs limits these
    build_answers(runs.runs, run_request, "training")
    buttons["train"].click(None, js="() => playground.train()", api_visibility="private")
    buttons["pause-training"].click(None, js="() => playground.requests.training.stop()", api_visibility="private")
    controls["toy_sampler"].input(None, js="() => playground.replay()", api_visibility="private")
    # The browser knows how many frames the page has, and fills that in.
    frames = "document.querySelector('#player-training .player').dataset.frames ?? 0"
    to_frames = f"(have, ...rest) => [+({frames}), ...rest]"
    buttons["one-step"].click(runs.one_step, [have, *inputs], js=to_frames, **running)
    buttons["reset-training"].click(runs.begin_again, inputs, **of_film)
    controls["toy_dataset"].input(lambda: None, None, own, **PRIVATE_EACH)
    changed = [each.change for name, each in controls.items() if name != "toy_sampler"] + [own.change]
    return TrainTab(controls, own, changed, inputs, [player, note], runs.prepare, runs.leave)
