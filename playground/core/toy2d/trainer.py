"""Training of the toy network by Algorithm 1 of Ho et al. 2020 (arXiv:2006.11239), with snapshots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.parameterizations import TARGETS
from playground.core.toy2d.network import MLP2D, MLPPredictor, TrainingConfig

TOTAL_STEPS, BATCH, PREFETCH = 2000, 512, 25


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Snapshot of the network during training: its weights, (P,), and its mean loss since the previous snapshot."""

    step: int
    loss: float
    weights: Tensor


class Trainer:
    """Training of a network by Algorithm 1 of Ho et al. 2020, with snapshots.

    AdamW for TOTAL_STEPS steps; the learning rate decays to 0 as half a cosine. The random draws come from the
    trainer's own CPU generator, so that other trainings do not change them.
    """

    def __init__(self, config: TrainingConfig, device: torch.device | str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        self._generator = torch.Generator().manual_seed(config.seed)
        self.network = MLP2D(config, self._generator).to(self.device)
        fused = self.device.type in ("cpu", "cuda")
        betas = (0.9, 0.99)  # averages over fewer steps than the default 0.999, for a short training
        self._optimizer = torch.optim.AdamW(self.network.parameters(), config.lr, betas, weight_decay=0, fused=fused)
        self.step = 0
        self._losses: list[Tensor] = []
        self.snapshots: list[Snapshot] = []

    @property
    def finished(self) -> bool:
        """Whether all TOTAL_STEPS steps are done."""
        return self.step == TOTAL_STEPS

    def train_steps(self, steps: int) -> None:
        """Train for `steps` more steps, at most up to TOTAL_STEPS."""
        for _ in range(min(steps, TOTAL_STEPS - self.step)):
            self._losses.append(self._train_step())
            self.step += 1

    def _train_step(self) -> Tensor:
        if self.step % PREFETCH == 0:
            self._batches = self._draw(PREFETCH)
        x_t, t, target = (each[self.step % PREFETCH] for each in self._batches)
        loss = mse_loss(self.network(x_t, t), target)
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.lr * 0.5 * (1 + math.cos(math.pi * self.step / TOTAL_STEPS))
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _draw(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw batches for `count` steps: x_t, t as a share of the last step, and training target, (count, BATCH, …).

        One draw for many steps is faster than one draw for each.
        """
        config, generator, size = self.config, self._generator, (count, BATCH)
        x0 = config.points[torch.randint(len(config.points), size, generator=generator)]
        # t ~ Uniform, spread evenly over the batch for a less noisy loss (Kingma et al. 2021, appendix I.1,
        # arXiv:2107.00630).
        share = (torch.rand(count, 1, generator=generator) + torch.arange(BATCH) / BATCH) % 1
        t = (share * config.schedule.num_steps).long()
        eps = torch.randn(x0.shape, generator=generator)
        level = config.schedule.level(t.flatten())
        x_t = add_noise(x0.flatten(0, 1), eps.flatten(0, 1), level)
        target = TARGETS[config.prediction_type](x0.flatten(0, 1), eps.flatten(0, 1), level)
        progress = t / (config.schedule.num_steps - 1)
        return (
            x_t.reshape(x0.shape).to(self.device),
            progress.to(self.device),
            target.reshape(x0.shape).to(self.device),
        )

    def save_snapshot(self) -> Snapshot:
        """Save a snapshot of the network and return it."""
        loss = torch.stack(self._losses).mean().item() if self._losses else math.nan
        self._losses = []
        weights = nn.utils.parameters_to_vector(self.network.parameters()).detach().clone()
        self.snapshots.append(Snapshot(self.step, loss, weights))
        return self.snapshots[-1]

    def predictor(self, snapshot: Snapshot) -> MLPPredictor:
        """The network at a snapshot, as a noise predictor."""
        network = MLP2D(self.config, torch.Generator()).to(self.device)
        nn.utils.vector_to_parameters(snapshot.weights, network.parameters())
        return MLPPredictor(network, self.config.schedule, self.config.prediction_type)


def snapshot_steps(count: int = 32) -> list[int]:
    """Training steps at which to take snapshots, up to TOTAL_STEPS: closer together early, where more changes."""
    return sorted({round(TOTAL_STEPS * (k / count) ** 2) for k in range(count + 1)})
