import io
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.schedules import linear
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample
from playground.core.sampling.steps import Step
from playground.render.export import npz as module
from playground.render.export.npz import npz


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_all_steps_come_back_from_the_file(pictures: torch.Tensor) -> None:
    schedule = linear(100)
    runs = {
        name: list(
            sample(IdealPredictor(pictures), noise(2, 1, 8, 8), schedule, SamplingOptions(sampler=name, steps=5))
        )
        for name in ("ddim", "heun")
    }
    found = np.load(io.BytesIO(npz(runs, schedule)))
    for name, steps in runs.items():
        assert found[f"{name}/x_t"].shape == (len(steps) + 1, 2, 1, 8, 8)
        for k, step in enumerate(steps):
            for key in ("x_t", "eps_hat", "x0_hat"):
                np.testing.assert_array_equal(found[f"{name}/{key}"][k], getattr(step, key).numpy())
            assert found[f"{name}/t"][k] == step.t(schedule)
        np.testing.assert_array_equal(found[f"{name}/x_t"][-1], steps[-1].x_next.numpy())
        alpha, sigma = found[f"{name}/alpha"], found[f"{name}/sigma"]
        assert (alpha[-1], sigma[-1]) == (1, 0)
        x0_hat, eps_hat = (torch.tensor(found[f"{name}/{key}"][2]) for key in ("x0_hat", "eps_hat"))
        x_t = add_noise(x0_hat, eps_hat, NoiseLevel(torch.tensor(alpha[2]), torch.tensor(sigma[2])))
        if name == "heun":  # which clips nothing
            np.testing.assert_allclose(x_t.numpy(), found["heun/x_t"][2], atol=1e-5)


def test_one_run_has_plain_names(pictures: torch.Tensor) -> None:
    run = sample(IdealPredictor(pictures), noise(1, 1, 8, 8), linear(100), SamplingOptions(steps=3))
    assert set(np.load(io.BytesIO(npz({"": run}, linear(100))))) == {"x_t", "eps_hat", "x0_hat", "alpha", "sigma", "t"}


def test_too_large_a_file_is_told_at_the_first_step(pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VALUES", 3 * 64 * 10)
    calls = []

    def steps() -> Iterator[Step]:
        for step in sample(IdealPredictor(pictures), noise(1, 1, 8, 8), linear(100), SamplingOptions(steps=11)):
            calls.append(step)
            yield step

    with pytest.raises(ValueError, match="too large a file: ask for fewer"):
        npz({"": steps()}, linear(100))
    assert len(calls) == 1
