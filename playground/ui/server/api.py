"""Public endpoints: add_noise, predict_noise and sample, with plain arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground.core.data import images
from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.render.export import api_records
from playground.ui.server.errors import user_errors
from playground.ui.server.zerogpu import max_network_calls, on_zerogpu
from playground.ui.state.scene import Scene
from playground.ui.state.settings import ALWAYS_IN_LINK, validate

ImageDataset = dict[str, str]
Record = dict[str, Any]

OF_PICTURE = ("model", "picture", "t", "schedule", "T", "seed", "zero_terminal")


def build_api(library: ModelRegistry) -> None:
    """Public endpoints /add_noise, /predict_noise and /sample. Call it inside a Blocks context."""
    default = validate(library, model=library.names[0])

    def of_picture(own_picture: str, *values: Any) -> Scene:
        settings = validate(library, **dict(zip(OF_PICTURE, values, strict=True)))
        return Scene(library, settings, images.load_upload(images.decode_base64(own_picture)) if own_picture else None)

    def sampled(scene: Scene) -> Iterator[api_records.Answer]:
        yield api_records.reverse_record(scene.trajectory(), scene.schedule)

    sampled_there = on_zerogpu(library, sampled, max_network_calls)

    def answer(scene: Scene, pictures: ImageDataset, numbers: Record) -> tuple[ImageDataset, Record]:
        return pictures, {"settings": _settings(scene), "picture": scene.describe_image(), **numbers}

    @user_errors()
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
        """Add noise to a picture, the forward process: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

        Args:
            model: The network and its training data: digits or emoji, unless the host has chosen others.
            picture: Index of a picture in that data: 0 to 9999 for digits, 0 to 628 for emoji.
            t: The time step, from 0 (nearly clean) to T - 1 (noise).
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of the noise, from 0 to 2147483647.
            zero_terminal: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            own_picture: A picture file in base64, at most 10 MB, in place of `picture`; empty for none.

        Returns:
            Pictures by name, PNGs in data: URLs: x0, eps (drawn from -3 to 3) and x_t.
            A record: the settings, alpha_bar, alpha, sigma, log_snr and beta at t.
        """
        asked = of_picture(own_picture, model, picture, t, schedule, T, seed, zero_terminal)
        return answer(asked, *api_records.forward_record(asked.forward_process(), asked.settings.t))

    @user_errors()
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
        """Add noise to a picture, predict that noise, and compare the prediction with the true noise.

        Args:
            model: The network and its training data: digits or emoji, unless the host has chosen others.
            picture: Index of a picture in that data: 0 to 9999 for digits, 0 to 628 for emoji.
            t: The time step, from 0 (nearly clean) to T - 1 (noise).
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of the noise, from 0 to 2147483647.
            zero_terminal: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            own_picture: A picture file in base64, at most 10 MB, in place of `picture`; empty for none.
            predictor: network, ideal (posterior mean over its data), blind (predicts 0) or copycat (predicts x_t).

        Returns:
            Pictures by name, PNGs in data: URLs: x_t, eps, eps_hat, their difference, and x0_hat.
            A record: error (mean squared, a pixel), cosine, r2, deviation of eps_hat, x0_error, and the settings.
        """
        asked = of_picture(own_picture, model, picture, t, schedule, T, seed, zero_terminal)
        pictures, numbers = api_records.prediction_record(asked.prediction(predictor, [asked.settings.t]))
        return answer(
            asked, pictures, {"predictor": predictor, **numbers, "covered": asked.in_training_range(asked.settings.t)}
        )

    @user_errors()
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
        """Sample new pictures from noise with a diffusion model, step by step.

        Args:
            model: The network: digits or emoji, unless the host has chosen others.
            label: The label to sample, for digits "0" to "9"; "any" samples without a label.
            count: The number of pictures, from 1 to 16.
            sampler: The sampler: {samplers}.
            steps: The number of steps, from 1 to T.
            guidance: The scale of classifier-free guidance, from 0 to 8; 1 is without guidance.
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of all noise, from 0 to 2147483647; the same seed gives the same pictures.
            zero_terminal: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            eta: For ddim, the share of fresh noise in each step, from 0 to 1.
            variance: For ddpm, the variance of a step: beta or beta_tilde.

        Returns:
            The pictures, numbered from 0, PNGs in data: URLs.
            A record: the settings, and of every step its t, alpha_bar, alpha, sigma, log_snr and the deviation of x_t.
        """
        settings = validate(
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
        [(pictures, numbers)] = sampled_there(asked)
        return pictures, {"settings": _settings(asked), "covered": asked.in_training_range_throughout(), **numbers}

    for endpoint in (add_noise, predict_noise, sample):  # agents and Gradio's page of the API read these
        described = endpoint.__doc__ or ""
        endpoint.__doc__ = described.format(schedules=", ".join(SCHEDULES), samplers=", ".join(SAMPLERS))
    gr.api(add_noise, api_name="add_noise", concurrency_limit=8)
    gr.api(predict_noise, api_name="predict_noise", concurrency_limit=8)
    # Scripts have a queue of their own, so that they do not delay runs on the page.
    at_once = max(1, library.max_concurrent_runs // 4)
    gr.api(sample, api_name="sample", concurrency_id="sampling for scripts", concurrency_limit=at_once)


def _settings(scene: Scene) -> Record:
    return {
        name: getattr(scene.settings, name) for name in ALWAYS_IN_LINK if name not in ("tab", "way", "look", "driver")
    }
