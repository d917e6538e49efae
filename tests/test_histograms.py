import numpy as np
import torch

from playground.core.analysis.histograms import gaussian_shares, shares
from playground.core.sampling.generate import seeded_noise


def test_the_shares_of_bins_are_those_of_numpy_and_of_the_normal_distribution() -> None:
    edges = torch.linspace(-2, 2, 9)
    values = seeded_noise((3, 50_000), 0).clamp(-1.999, 1.999)
    counted = shares(values, edges)
    for row, each in zip(counted, values, strict=True):
        expected = np.histogram(each.numpy(), edges.numpy())[0] / 50_000
        torch.testing.assert_close(row.double(), torch.from_numpy(expected), atol=1e-4, rtol=0)
    exact = gaussian_shares(torch.zeros(3), torch.ones(3), edges)
    torch.testing.assert_close(exact.sum(1), torch.ones(3))
    torch.testing.assert_close(counted, exact, atol=0.01, rtol=0)
