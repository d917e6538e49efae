"""Hub download: a field that downloads a network from the Hugging Face Hub, where the host allows it."""

from __future__ import annotations

import itertools
from typing import Any

import gradio as gr

from playground.core.networks.checkpoint_format import CheckpointError
from playground.core.networks.hub import ENDPOINT, MAX_BYTES
from playground.ui.components.shared_controls import SharedControls

WHAT = f"""Any network without text that is in diffusers' format (a UNet2DModel), has safetensors and weighs at most
{MAX_BYTES // 10**6:,} MB. It is downloaded to the machine that runs this page. Then every visitor can choose it."""

PROGRESS = gr.Progress()  # by this default Gradio knows that the handler reports its progress
_serial = itertools.count()  # so that a network downloaded again counts as a change


def build_hub_download(shared_controls: SharedControls) -> Any:
    """Lay out the field, folded.

    Returns what adds a listener for the event that a network has been downloaded and chosen.
    """
    library = shared_controls.library
    with gr.Accordion("Another network, from the Hub", open=False, elem_id="hub", elem_classes="with-model"):
        gr.Markdown(WHAT)
        with gr.Row():
            name = gr.Textbox(
                label="Its name",
                info=f"owner/name, or its address on {ENDPOINT}",
                placeholder="google/ddpm-cifar10-32",
                min_width=200,
            )
            ask = gr.Button("Fetch it", variant="primary", scale=0, min_width=140, elem_id="fetch")
        message = gr.Markdown(elem_id="fetched", min_height=50)
    came = gr.State(None)

    def fetch(name: str, progress: gr.Progress = PROGRESS) -> tuple[Any, str]:
        def show(done: int, total: int) -> None:
            progress((done // 10**6, total // 10**6), desc=f"Downloading {name}", unit="MB")

        try:
            added = library.download(name, show)
        except CheckpointError as error:  # shown beside the field, where it stays
            return gr.skip(), str(error)
        return (added, next(_serial)), f"{added} is here, and chosen."

    event = {"concurrency_limit": 2, "show_progress_on": message, "api_visibility": "private"}
    gr.on([ask.click, name.submit], fetch, name, [came, message], **event)
    chosen = came.change(
        lambda came: {**shared_controls.offered(), "value": came[0]},
        came,
        shared_controls.controls["model"],
        show_progress="hidden",
        api_visibility="private",
    )
    return chosen.then
