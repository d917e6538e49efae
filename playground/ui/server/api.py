"""Public endpoints: add_noise, predict_noise and sample, with plain arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from playground.core.data import images
from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.render.export import api_records
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.zerogpu import max_network_calls, on_zerogpu
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import CONTROLS, Settings, validate

Record = dict[str, Any]

ONLY_ON_THE_PAGE = ("tab", "forward_process", "analysis", "compare_ideal")
"""Settings that no endpoint has."""


def build_api(library: ModelRegistry, run_limiter: RunLimiter) -> None:
    """Public endpoints /add_noise, /predict_noise and /sample. Call it inside a Blocks context."""
    default = validate(library, model=library.names[0])
    for endpoint, limit in (
        (_add_noise(library, default), 8),
        (_predict_noise(library, default), 8),
        (_sample(library, default, run_limiter), None),  # the run limiter limits these
    ):
        described = endpoint.__doc__ or ""  # agents and Gradio's page of the API read it
        endpoint.__doc__ = described.format(schedules=", ".join(SCHEDULES), samplers=", ".join(SAMPLERS))
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=limit)


def _add_noise(library: ModelRegistry, default: Settings) -> Callable[..., Any]:
    def add_noise(
        model: str = default.model,
        image: int = default.image,
        t: int = default.t,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal_snr: bool = default.zero_terminal_snr,
        own_image: str = "",
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Add noise to an image, the forward process: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

        Args:
            model: The network and its training data: digits or emoji, unless the host has chosen others.
            image: Index of an image in that data: 0 to 9999 for digits, 0 to 628 for emoji.
            t: The time step, from 0 (nearly clean) to T - 1 (noise).
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of the noise, from 0 to 2147483647.
            zero_terminal_snr: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            own_image: An image file in base64, at most 10 MB, in place of `image`; empty for none.

        Returns:
            Images by name, PNGs in data: URLs: x0, eps (drawn from -3 to 3) and x_t.
            A record: the settings, alpha_bar, alpha, sigma, log_snr and beta at t.
        """
        scene = _scene(library, own_image, model, image, t, schedule, T, seed, zero_terminal_snr)
        return _answer(scene, *api_records.forward_record(scene.forward_process(), scene.settings.t))

    return add_noise


def _predict_noise(library: ModelRegistry, default: Settings) -> Callable[..., Any]:
    def predict_noise(
        model: str = default.model,
        image: int = default.image,
        t: int = default.t,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal_snr: bool = default.zero_terminal_snr,
        own_image: str = "",
        predictor: str = "network",
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Add noise to an image, predict that noise, and compare the prediction with the true noise.

        Args:
            model: The network and its training data: digits or emoji, unless the host has chosen others.
            image: Index of an image in that data: 0 to 9999 for digits, 0 to 628 for emoji.
            t: The time step, from 0 (nearly clean) to T - 1 (noise).
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of the noise, from 0 to 2147483647.
            zero_terminal_snr: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            own_image: An image file in base64, at most 10 MB, in place of `image`; empty for none.
            predictor: network, ideal (posterior mean over its data), blind (predicts 0) or copycat (predicts x_t).

        Returns:
            Images by name, PNGs in data: URLs: x_t, eps, eps_hat, their difference, and x0_hat.
            A record: error (mean squared, a pixel), cosine, r2, deviation of eps_hat, x0_error, and the settings.
        """
        scene = _scene(library, own_image, model, image, t, schedule, T, seed, zero_terminal_snr)
        t = scene.settings.t
        shown, numbers = api_records.prediction_record(scene.prediction(predictor, [t]))
        return _answer(scene, shown, {"predictor": predictor, **numbers, "covered": scene.in_training_range(t)})

    return predict_noise


def _sample(library: ModelRegistry, default: Settings, run_limiter: RunLimiter) -> Callable[..., Any]:
    def sampled(scene: Scene) -> Iterator[api_records.Answer]:
        yield api_records.reverse_record(sampling.trajectory(scene), scene.schedule)

    sampled_there = on_zerogpu(library, sampled, max_network_calls)

    def sample(
        request: gr.Request,
        model: str = default.model,
        label: str = default.label,
        num_images: int = default.num_images,
        sampler: str = default.sampler,
        steps: int = default.steps,
        guidance_scale: float = default.guidance_scale,
        schedule: str = default.schedule,
        T: int = default.T,
        seed: int = default.seed,
        zero_terminal_snr: bool = default.zero_terminal_snr,
        eta: float = default.eta,
        variance_type: str = default.variance_type,
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Sample new images from noise with a diffusion model, step by step.

        Args:
            model: The network: digits or emoji, unless the host has chosen others.
            label: The label to sample, for digits "0" to "9"; "any" samples without a label.
            num_images: The number of images, from 1 to 16.
            sampler: The sampler: {samplers}.
            steps: The number of steps, from 1 to T.
            guidance_scale: The scale of classifier-free guidance, from 0 to 8; 1 is without guidance.
            schedule: The noise schedule: {schedules}.
            T: The number of steps of the schedule, from 10 to 4000.
            seed: Seed of all noise, from 0 to 2147483647; the same seed gives the same images.
            zero_terminal_snr: Whether the schedule is rescaled to zero terminal SNR (pure noise at the end).
            eta: For ddim, the share of fresh noise in each step, from 0 to 1.
            variance_type: For ddpm, the variance of a step: fixed_small (the posterior's) or fixed_large (beta).

        Returns:
            The images, numbered from 0, PNGs in data: URLs.
            A record: the settings, and of every step its t, alpha_bar, alpha, sigma, log_snr and the deviation of x_t.
        """
        settings = validate(
            library,
            model=model,
            label=label,
            num_images=num_images,
            sampler=sampler,
            steps=steps,
            guidance_scale=guidance_scale,
            schedule=schedule,
            T=T,
            seed=seed,
            zero_terminal_snr=zero_terminal_snr,
            eta=eta,
            variance_type=variance_type,
        )
        scene = Scene(library, settings)
        with run_limiter.taken("scripts", request):
            [(shown, numbers)] = sampled_there(scene)
        return shown, {"settings": _settings(scene), "covered": scene.in_training_range_throughout(), **numbers}

    return sample


def _scene(library: ModelRegistry, own_image: str, *values: Any) -> Scene:
    """Scene for the arguments that /add_noise and /predict_noise share."""
    names = ("model", "image", "t", "schedule", "T", "seed", "zero_terminal_snr")
    settings = validate(library, **dict(zip(names, values, strict=True)))
    return Scene(library, settings, images.load_upload(images.decode_base64(own_image)) if own_image else None)


def _answer(scene: Scene, shown: dict[str, str], numbers: Record) -> tuple[dict[str, str], Record]:
    return shown, {"settings": _settings(scene), "image": scene.describe_image(), **numbers}


def _settings(scene: Scene) -> Record:
    return {
        name: getattr(scene.settings, name)
        for name, control in CONTROLS.items()
        if control.always_in_link and name not in ONLY_ON_THE_PAGE
    }
