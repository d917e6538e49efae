"""The public endpoints: the three questions with plain arguments, answered with pictures and every number."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.core import images
from playground.core.library import Library
from playground.render import records
from playground.ui.errors import told
from playground.ui.scene import Scene
from playground.ui.settings import CONTROLS, checked

Pictures = dict[str, str]
Record = dict[str, Any]

OF_PICTURE = ("model", "picture", "t", "schedule", "T", "seed", "zero_terminal")


def build_api(library: Library) -> None:
    """Offer /add_noise, /predict_noise and /sample; call it inside a Blocks context."""
    default = checked(library, model=library.names[0])

    def of_picture(own_picture: str, *values: Any) -> Scene:
        settings = checked(library, **dict(zip(OF_PICTURE, values, strict=True)))
        return Scene(library, settings, images.read(images.decoded(own_picture)) if own_picture else None)

    def answer(scene: Scene, pictures: Pictures, numbers: Record) -> tuple[Pictures, Record]:
        return pictures, {"settings": _settings(scene), "picture": scene.picture_in_words(), **numbers}

    @told()
    def add_noise(
        model: str = default.model,
        picture: int = default.picture,
        t: int = default.t,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal: bool = default.zero_terminal,
        own_picture: str = "",
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Noise a picture: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps. Returns pictures and a record.

        picture: its number in the model's data. t: from 0, nearly clean, to T - 1, noise. T: 10 to 4000. schedule:
        linear, scaled_linear, cosine or sigmoid. seed: which noise. own_picture: a picture file in base64, in place of
        `picture`. The pictures x0, eps (drawn from -3 to 3) and x_t are PNGs in data: URLs.
        """
        asked = of_picture(own_picture, model, picture, t, schedule, T, seed, zero_terminal)
        return answer(asked, *records.forward_record(asked.forward(), asked.settings.t))

    @told()
    def predict_noise(
        model: str = default.model,
        picture: int = default.picture,
        t: int = default.t,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal: bool = default.zero_terminal,
        own_picture: str = "",
        predictor: str = "network",
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Ask a predictor for the noise in x_t, and compare. Returns pictures and a record.

        predictor: network, ideal (the exact mean over the training pictures), blind (says 0) or copycat (says x_t). The
        other arguments are those of /add_noise. The pictures are x_t, eps, eps_hat, their difference and x0_hat; the
        record has the mean squared error, the cosine similarity, R² and the standard deviation of eps_hat.
        """
        asked = of_picture(own_picture, model, picture, t, schedule, T, seed, zero_terminal)
        pictures, numbers = records.prediction_record(asked.prediction(predictor, [asked.settings.t]))
        return answer(asked, pictures, {"predictor": predictor, **numbers, "covered": asked.covers(asked.settings.t)})

    @told()
    def sample(
        model: str = default.model,
        label: str = default.label,
        count: int = default.count,
        sampler: str = default.sampler,
        steps: int = default.steps,
        guidance: float = default.guidance,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal: bool = default.zero_terminal,
        eta: float = default.eta,
        variance: str = default.variance,
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Sample pictures from noise. Returns the pictures, numbered from 0, and a record of every step.

        label: a label's name, or "any". count: 1 to 16 pictures. sampler: ddim, with eta from 0 to 1, or ddpm, with
        variance beta or beta_tilde. steps: 1 to T. guidance: 0 to 8; 1 is none. The rest is as in /add_noise.
        """
        settings = checked(
            library,
            model=model,
            label=label,
            count=count,
            sampler=sampler,
            steps=steps,
            guidance=guidance,
            schedule=schedule,
            T=T,
            seed=seed,
            zero_terminal=zero_terminal,
            eta=eta,
            variance=variance,
        )
        asked = Scene(library, settings)
        pictures, numbers = records.reverse_record(asked.reverse(), asked.schedule)
        return pictures, {"settings": _settings(asked), "covered": asked.covered(), **numbers}

    gr.api(add_noise, api_name="add_noise", concurrency_limit=8)
    gr.api(predict_noise, api_name="predict_noise", concurrency_limit=8)
    gr.api(sample, api_name="sample", concurrency_id="sampling", concurrency_limit=8)


def _settings(scene: Scene) -> Record:
    return {name: getattr(scene.settings, name) for name in CONTROLS if name not in ("tab", "way", "look", "driver")}
