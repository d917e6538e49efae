import torch
from torch.testing import assert_close

from playground.core.sampling.interpolation import slerp


def test_the_way_is_as_long_as_noise_everywhere_and_its_angles_are_even() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 1, 32, 32, generator=generator).double()
    way = slerp(one, other, 9)
    assert_close(way[0], one)
    assert_close(way[-1], other)
    lengths = way.flatten(1).norm(dim=1)
    straight = torch.stack([(one + other) / 2]).norm()
    assert lengths.min() > min(one.norm(), other.norm()) * 0.999
    assert straight < 0.75 * lengths.min()
    unit = way.flatten(1) / lengths[:, None]
    angles = (unit[1:] * unit[:-1]).sum(1).clamp(max=1).arccos()
    # Its two ends are not equally long, by a few in a hundred: so the angles are even but for that.
    assert_close(angles, angles.mean().expand(8), rtol=0.06, atol=0)


def test_a_way_of_one_is_its_beginning() -> None:
    one, other = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    assert_close(slerp(one, other, 1), one[None])
