"""What a run may be given besides noise: a picture to start from, and a part of it to keep. Knows no sampler."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.noise import NoiseLevel, add_noise


@dataclass(frozen=True)
class Given:
    """A picture x0, (C, H, W) or (B, C, H, W) in [-1, 1], and what of it a run is given.

    The run's first `skip` strides are left out: it begins at the level that they would have led to, with x0 in the
    noise of that level (SDEdit, Meng et al. 2022, algorithm 1). Where `kept`, bool (H, W), is true, it is known: there
    x is replaced by x0 in the noise of its level after every step, and the rest is filled in (RePaint, Lugmayr
    et al. 2022, eq. 8, without its going back and forth). The known part's noise is that of x_T at every level, where
    RePaint draws it anew.
    """

    x0: Tensor
    skip: int = 0
    kept: Tensor | None = None

    def begin(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """Where the run begins, at its first level, when the noise is x_T (B, C, H, W)."""
        return self._noisy(x_T, level) if self.skip else self.keep(x_T, x_T, level)

    def keep(self, x: Tensor, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """x at this level, with the known part put in its place."""
        return x if self.kept is None else torch.where(self.kept.to(x.device), self._noisy(x_T, level), x)

    def _noisy(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        return add_noise(self.x0.to(x_T).expand(x_T.shape), x_T, level)


NOTHING = Given(torch.zeros(1))
"""Noise alone: a run from x_T down, that keeps to no picture."""
