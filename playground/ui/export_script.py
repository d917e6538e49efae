"""Script export: a run as a Python script for torch and diffusers alone, which ends in the same pictures."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from playground.core.data import images
from playground.core.data.datasets import WEIGHTS
from playground.core.diffusion.schedules import SCHEDULES
from playground.core.networks.checkpoint_format import scheduler_path, weights_path
from playground.core.sampling.diffusers_solvers import DiffusersSolver
from playground.core.sampling.inpainting import mask_to_image
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS
from playground.ui.state.scene import Scene

ZERO_TERMINAL = """root = alpha_bar.sqrt()  # shifted and scaled to end in pure noise
alpha_bar = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2"""

SPACED = {
    "trailing": "torch.arange(T, 0, -T / steps, dtype=torch.float64)[:steps].round().long() - 1",
    "leading": "torch.arange(steps - 1, -1, -1) * (T // steps)",
    "linspace": "torch.linspace(T - 1, 0, steps, dtype=torch.float64).round().long()",
}

OURS = """levels = alpha_bar[{spaced}][{skip}:].clamp(min=1e-12).tolist() + [1.0]  # ᾱ of each call, and of the picture
# A schedule of these levels alone, so that diffusers goes from each to the next.
of_steps = torch.tensor(levels[:-1][::-1], dtype=torch.float64)
betas = 1 - of_steps / torch.cat([torch.ones(1, dtype=torch.float64), of_steps[:-1]])
scheduler = {name}(num_train_timesteps=len(betas), trained_betas=betas.tolist(), {options})
scheduler.alphas_cumprod = of_steps.float()
scheduler.set_timesteps(len(betas))
calls = scheduler.timesteps"""

THEIRS = """alpha_bar[alpha_bar == 0] = 2.0**-24
betas = 1 - alpha_bar / torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
scheduler = {name}(num_train_timesteps=T, trained_betas=betas.tolist(), {options})
scheduler.alphas_cumprod = alpha_bar.float()
scheduler.set_timesteps(steps)
{calls}"""

BY_SIGMA = """begin = {skip} * scheduler.order
scheduler.set_begin_index(begin)
calls = scheduler.timesteps[begin:]
levels = (1 / (1 + scheduler.sigmas[begin:].double() ** 2)).tolist()  # of each call, and of the picture"""

BY_T = """once = scheduler.timesteps.unique().flip(0)[{skip}:]
calls = torch.cat([once[:2], once[1:]])  # it calls twice at its second t
levels = alpha_bar[calls].tolist() + [alpha_bar[0].item()]  # of each call, and of the picture"""

PICTURE = """

def embedded(png):
    return torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(png)))).reshape({height}, {width}, -1))


def noisy(level):
    return level**0.5 * x0 + (1 - level) ** 0.5 * x_T


x0 = embedded("{x0}").permute(2, 0, 1) / 127.5 - 1"""

SLERP = """ends = [torch.randn({shape}, generator=torch.Generator().manual_seed(seed)) for seed in (seed, {other})]
angle = torch.arccos((ends[0] * ends[1]).sum().double() / (ends[0].double().norm() * ends[1].double().norm()))
share = torch.linspace(0, 1, {count}, dtype=torch.float64)
weights = torch.stack([((1 - share) * angle).sin(), (share * angle).sin()], 1) / angle.sin()
x_T = torch.tensordot(weights.float(), torch.stack(ends), dims=1)  # on the sphere from one noise to the other"""


def script(scene: Scene) -> str:
    """Python script of the scene's run, driven by the network, which the script loads from where the playground has it.

    For a solver comparison it contains the run of each solver, one after the other.
    """
    s, options = scene.settings, scene.sampling_options()
    if s.sampling_view != "solvers":
        return _run(scene, options, "pictures")
    return "\n\n".join(
        _run(scene, replace(options, sampler=name, steps=SAMPLERS[name].steps_for_nfe(s.nfe), clip_x0=False), name)
        for name in s.solvers.split(",")
    )


def _run(scene: Scene, options: SamplingOptions, name: str) -> str:
    """One run, whose pictures are saved under this name."""
    parts = [
        _head(scene, options),
        _network(scene, options),
        _schedule(scene),
        _scheduler(scene, options),
        _start(scene, options),
        _prediction(scene, options),
    ]
    return "\n\n".join(parts) + "\n\n\n" + _loop(options, name) + "\n"


def _solver(options: SamplingOptions) -> DiffusersSolver | None:
    """The diffusers solver that takes the steps; None for our own two, which are diffusers' DDPM and DDIM."""
    steps = SAMPLERS[options.sampler].steps
    return steps if isinstance(steps, DiffusersSolver) else None


def _head(scene: Scene, options: SamplingOptions) -> str:
    s = scene.settings
    modules = ["base64", "io"] if options.conditioning.uses_image else []
    modules += ["math"] if s.schedule == "cosine" else []
    names = ", ".join(sorted({"DDPMScheduler", "UNet2DModel", SAMPLERS[options.sampler].scheduler}))
    title = (
        f"{scene.count()} of {s.model}, label {s.label}: {s.sampler}, {s.steps} steps, guidance {s.guidance_scale:g}"
    )
    lines = [
        json.dumps(f"{title}.", ensure_ascii=False),
        "",
        *(f"import {name}" for name in modules),
        *[""] * bool(modules),
    ]
    libraries = ["import numpy as np", "import torch", f"from diffusers import {names}", "from PIL import Image"]
    return "\n".join([*lines, *libraries])


def _network(scene: Scene, options: SamplingOptions) -> str:
    folder = scene.library.folders[scene.settings.model]
    unet, config = weights_path(folder).parent, scheduler_path(folder)
    trained_on = (
        "DDPMScheduler()" if config is None else f"DDPMScheduler.from_pretrained({_source(scene, config.parent)})"
    )
    where = "# Run this in the folder of the playground.\n" if folder.is_relative_to(WEIGHTS) else ""
    return f"""{where}unet = UNet2DModel.from_pretrained({_source(scene, unet)}, low_cpu_mem_usage=False).eval()
trained_on = {trained_on}.alphas_cumprod.double()
T, steps, seed = {scene.settings.T}, {options.steps}, {options.seed}"""


def _source(scene: Scene, part: Path) -> str:
    """Argument of `from_pretrained` for a part of the network in this folder: its name on the Hub, or a path."""
    name = scene.settings.model
    if "/" in name:
        return repr(name) if part == scene.library.folders[name] else f"{name!r}, subfolder={part.name!r}"
    return repr((part.relative_to(WEIGHTS.parent) if part.is_relative_to(WEIGHTS) else part).as_posix())


def _schedule(scene: Scene) -> str:
    s = scene.settings
    lines = [SCHEDULES[s.schedule].script_for(s.T), "alpha_bar = (1 - betas).cumprod(0)"]
    return "\n".join([*lines, ZERO_TERMINAL] if s.zero_terminal_snr else lines)


def _scheduler(scene: Scene, options: SamplingOptions) -> str:
    solver, skip = _solver(options), options.conditioning.skipped_steps
    name = SAMPLERS[options.sampler].scheduler
    predictor = scene.library.checkpoint(scene.settings.model).predictor
    arguments: dict[str, Any] = {"prediction_type": predictor.prediction_type}
    if solver is None:
        arguments |= (
            {"set_alpha_to_one": True} if options.sampler == "ddim" else {"variance_type": options.variance_type}
        )
        arguments |= {} if options.clip_x0 else {"clip_sample": False}
        spaced = SPACED[options.timestep_spacing]
        return OURS.format(spaced=spaced, skip=skip, name=name, options=_keyword_arguments(arguments))
    karras = {"use_karras_sigmas": options.karras_sigmas} if solver.karras else {}
    arguments |= {"timestep_spacing": options.timestep_spacing, **karras, **solver.options}
    calls = (BY_T if options.sampler == "pndm" else BY_SIGMA).format(skip=skip)
    return THEIRS.format(name=name, options=_keyword_arguments(arguments), calls=calls)


def _keyword_arguments(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _start(scene: Scene, options: SamplingOptions) -> str:
    given, count, shape = options.conditioning, options.num_images, scene.pictures.shape
    lines = ["generator = torch.Generator().manual_seed(seed)"]
    lines.append(f"x_T = torch.randn({(count, *shape)}, generator=generator)")
    if options.interpolate_to is not None:
        lines.append(SLERP.format(shape=shape, count=count, other=options.interpolate_to))
    if given.uses_image:
        lines.append(PICTURE.format(height=shape[1], width=shape[2], x0=_png(images.to_pil(given.x0))))
    if given.known_mask is not None:
        lines.append(f'mask = embedded("{_png(images.to_pil(mask_to_image(given.known_mask)))}")[..., 0] > 127')
    return "\n".join(lines)


def _prediction(scene: Scene, options: SamplingOptions) -> str:
    """Function of the script that evaluates the network, with labels and guidance where there are any."""
    s, count, channels = scene.settings, options.num_images, scene.pictures.shape[0]
    predictor = scene.library.checkpoint(s.model).predictor
    label, second, none = options.label, options.second_label, predictor.null_label

    def call(labels: str) -> str:
        labelled = "" if none is None else f", class_labels={labels}"
        return f"unet(x_t, t{labelled}).sample[:, :{channels}]"

    named = {"none": none, "labels": none if label is None else label, "second": second}
    if label is None and second is None:
        del named["labels"]
    lines = [f"{name} = torch.full(({count},), {number})" for name, number in named.items() if number is not None]
    lines += [
        *[""] * (2 if lines else 1),
        "def predict_noise(x_t, level):",
        '    """Noise prediction of the network, at the t of its training whose noise level is nearest."""',
        "    by_snr = [np.log(1 - a) - np.log(a) for a in (level, trained_on.numpy())]",
        "    t = torch.full((len(x_t),), np.interp(*by_snr, np.arange(len(trained_on))))",
    ]
    if s.zero_terminal_snr and _solver(options) is None:
        nothing = "x_t" if predictor.prediction_type == "epsilon" else "torch.zeros_like(x_t)"
        lines += ["    if level < 1e-11:", f"        return {nothing}  # no picture is left: x_t is noise"]
    wanted = "labels"
    if second is not None:
        lines.append(f"    wanted = second if level >= {scene.label_switch_alpha_bar()!r} else labels")
        wanted = "wanted"
    if (label is None and second is None) or options.guidance_scale == 0:
        return "\n".join([*lines, f"    return {call('none')}"])
    if options.guidance_scale == 1:
        return "\n".join([*lines, f"    return {call(wanted)}"])
    guided = f"    return uncond + {options.guidance_scale!r} * ({call(wanted)} - uncond)"
    return "\n".join([*lines, f"    uncond = {call('none')}", guided])


def _loop(options: SamplingOptions, name: str) -> str:
    given, solver = options.conditioning, _solver(options)

    def noisy(i: str) -> str:
        """The picture with the noise of level i, scaled as in the scheduler."""
        scaled = f" / levels[{i}] ** 0.5" if solver is not None and solver.sigma_space else ""
        return f"noisy(levels[{i}]){scaled}"

    begin = "x = x_T * scheduler.init_noise_sigma"
    if given.skipped_steps:
        begin = f"x = {noisy('0')}"
    elif given.known_mask is not None:
        begin += f"\nx = torch.where(mask, {noisy('0')}, x)"
    keep = "" if given.known_mask is None else f"\n        x = torch.where(mask, {noisy('i + 1')}, x)"
    of_ddim = f", eta={options.eta!r}, use_clipped_model_output=True" if options.sampler == "ddim" else ""
    drawn = ", generator=generator" if solver is None or solver.stochastic else ""
    return f"""{begin}
with torch.no_grad():
    for i, t in enumerate(calls):
        eps_hat = predict_noise(scheduler.scale_model_input(x, t), levels[i])
        x = scheduler.step(eps_hat, t, x{of_ddim}{drawn}).prev_sample{keep}

pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().byte()
Image.fromarray(torch.cat(list(pixels), 2).permute(1, 2, 0).squeeze(-1).numpy()).save("{name}.png")  # side by side"""


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
