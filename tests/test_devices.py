"""Everything runs where the network is. The meta device refuses a tensor that was made anywhere else."""

import pytest
import torch

from playground.core.data.datasets import WEIGHTS
from playground.core.diffusion.guidance import ClassifierFreeGuidance
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import SCHEDULES, linear
from playground.core.networks.checkpoints import Checkpoint, choose_device, load_checkpoint
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from tests.conftest import small_unet

ACCELERATORS = [
    name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if there
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("sampler", "eta"), [("ddim", 0.0), ("ddim", 1.0), ("ddpm", 0.0)])
def test_network_and_samplers_run_on_the_meta_device(sampler: str, eta: float, schedule: str) -> None:
    assert sampler in SAMPLERS
    predictor = ClassifierFreeGuidance(UNetPredictor(small_unet().to("meta"), linear(1000), null_label=3), 2.0)
    x_T = torch.empty(2, 1, 8, 8, device="meta")
    steps = []
    # Whether a step adds noise is read from the levels, which stay on the CPU: nothing here asks meta for a value.
    for step in sample(
        predictor,
        x_T,
        SCHEDULES[schedule](100),
        SamplingOptions(sampler=sampler, eta=eta, steps=2),
        labels=torch.zeros(2).long(),
    ):
        steps.append(step)
        for tensor in (step.x_t, step.eps_hat, step.x0_hat, step.x_next):
            assert tensor.device.type == "meta"
            assert tensor.shape == (2, 1, 8, 8)
    assert len(steps) == 2


def test_a_tensor_on_the_wrong_device_fails_on_meta() -> None:
    """What the test above relies on."""
    with pytest.raises(RuntimeError):
        small_unet().to("meta")(
            torch.zeros(1, 1, 8, 8), torch.zeros(1, device="meta"), class_labels=torch.zeros(1).long()
        )


def test_a_device_that_is_not_there_is_told() -> None:
    for name in ("abacus", "xpu", "cuda:99"):
        with pytest.raises(ValueError, match=f"There is no device '{name}' here; there is .*cpu"):
            choose_device(name)


def test_the_default_device_is_the_fastest_there_is() -> None:
    assert choose_device().type == (ACCELERATORS or ["cpu"])[0]


def test_every_device_gives_the_picture_of_the_cpu(digits: Checkpoint) -> None:
    """From one seed: exactly so on the CPU again, nearly so in half precision on CUDA and in float32 on MPS."""
    options = {"num_images": 2, "label": 3, "seed": 1, "steps": 10}
    *_, expected = generate(digits.predictor, digits.image_shape, linear(1000), SamplingOptions(**options))
    for device in ["cpu", *ACCELERATORS]:
        checkpoint = load_checkpoint(WEIGHTS / "digits", device)
        *_, step = generate(checkpoint.predictor, checkpoint.image_shape, linear(1000), SamplingOptions(**options))
        assert checkpoint.predictor.device.type == device
        assert (step.x_next.float().cpu() - expected.x_next).abs().mean() < (1e-6 if device == "cpu" else 0.02)
