"""Model card: “About this network”, the card of the chosen network, read when it is opened."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from playground.core.data import images
from playground.core.networks.checkpoint_format import as_checkpoint_error
from playground.core.networks.checkpoints import Checkpoint
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.markdown_escape import plain

SHEET = "Samples of this network, not selected; with labels, a row for each."
MAX_SHEET = 2048
SAYS = {"epsilon": "ε, the noise", "sample": "x_0, the picture", "v_prediction": "v, the velocity"}


def build_model_card(shared_controls: SharedControls) -> None:
    """Lay out the model card, folded; while it is open it follows the chosen network."""
    model = shared_controls.controls["model"]
    with gr.Accordion("About this network", open=False, elem_id="card") as details:
        words = gr.Markdown(min_height=200)
        samples = gr.HTML(elem_id="samples")

    def read(name: str) -> tuple[str, str]:
        with as_checkpoint_error(name):  # a card may say anything
            return card_as_markdown(shared_controls.library.checkpoint(name)), _sheet(
                shared_controls.library.folders[name] / "samples.png"
            )

    load_when_open(details, [model.change], read, [model], [words, samples])


OTHERS = (
    "**Another network:** start the app with `python app.py --model owner/name`, a name on the Hugging Face Hub or a "
    "folder; with `--hub-field` the page has a field for it."
)


def card_as_markdown(checkpoint: Checkpoint) -> str:
    """Model card as a Markdown table: the network, and its card's facts and figures as far as they are known."""
    card = checkpoint.card
    error = card.get("held_out_error", {})
    bound = card.get("evaluation", {}).get("bound", {})
    match = card.get("evaluation", {}).get("label_match", {})
    channels, height, width = checkpoint.image_shape
    rows = {
        "Pictures": f"{height} × {width}, {'grey' if channels == 1 else 'in colour'}",
        "Prediction type": SAYS[checkpoint.predictor.prediction_type],
        "Training schedule": f"{checkpoint.schedule.name}, T = {checkpoint.schedule.num_steps:,}",
        "Data": card.get("data"),
        "Licence": card.get("licence"),
        "Training pictures seen": _with_thousands(card.get("pictures_seen")),
        "Parameters": _with_thousands(checkpoint.parameters),
        "GFLOP a call": card.get("gflop_per_call"),
        "MSE of ε̂ on held-out pictures": error.get("network") and f"{error['network']:.3f} (predicting 0 gives 1)",
        "NLL bound on held-out pictures": bound
        and f"{min(bound['fixed_large'], bound['fixed_small']):.2f} bits/dimension",
        "Samples with the requested label": match
        and f"{match['samples']:.0%} (real pictures: {match['held_out']:.0%})",
        "Training command": card.get("command"),
        "SHA-256": card.get("sha256") and f"{card['sha256'][:16]}…",
    }
    shown = [f"| {name} | {plain(value)} |" for name, value in rows.items() if value]
    missing = "" if card else "It came without a card: what it learned from, and how well, is not known here."
    return "\n".join(
        [f"| Network | {plain(checkpoint.name)} |", "|---|---|", *shown, "", checkpoint.assumed, missing, "", OTHERS]
    )


def _with_thousands(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _sheet(file: Path) -> str:
    """Contact sheet of samples that lies beside the card; empty where there is none."""
    if not file.is_file():
        return ""
    image = images.load_upload(file.read_bytes(), MAX_SHEET)
    picture = f'<img alt="pictures that the network has sampled" src="{images.png_url(image)}">'
    return f"<figure>{picture}<figcaption>{SHEET}</figcaption></figure>"
