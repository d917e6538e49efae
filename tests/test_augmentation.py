import math

import torch

from playground.core.data.augmentation import MAX_ROTATION, MAX_SHRINK, MAX_TRANSLATION, augment
from playground.core.data.datasets import load_pictures

NEVER, ALWAYS = torch.zeros(64, dtype=torch.bool), torch.ones(64, dtype=torch.bool)
RAMP = torch.linspace(-1, 1, 32)


def test_a_share_of_the_pictures_is_varied_and_the_rest_is_left_alone() -> None:
    x0 = torch.rand(64, 3, 32, 32)
    assert torch.equal(augment(x0, ALWAYS, 0), x0)
    torch.manual_seed(0)
    alike = sum((augment(x0, NEVER, 0.75) == x0).flatten(1).all(1).sum().item() for _ in range(20))
    assert abs(alike / (20 * 64) - 0.25) < 4 * math.sqrt(0.25 * 0.75 / (20 * 64))


def test_pictures_stay_in_their_range_and_a_white_ground_stays_white() -> None:
    pictures = load_pictures("emoji")
    varied = augment(pictures.x0(slice(0, 64)), pictures.can_flip[:64], 1)
    assert varied.abs().max() <= 1
    disc = torch.ones(64, 1, 32, 32)
    disc[:, :, 8:24, 8:24] = -1
    corners = augment(disc, NEVER, 1)[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(corners, torch.ones_like(corners))


def test_how_far_a_picture_is_turned_shrunk_and_shifted() -> None:
    """A plane of brightness shows it: its slope and its height in the middle are those of the inverse map."""
    across = RAMP.expand(64, 1, 32, 32)  # as bright as the place is far to the right, in [-1, 1]
    torch.manual_seed(1)
    varied = augment(across / 2, NEVER, 1)[:, 0, 12:20, 12:20].double() * 2
    slope_across = varied.diff(dim=2).mean((1, 2)) / (2 / 31)
    slope_along = varied.diff(dim=1).mean((1, 2)) / (2 / 31)
    scale, turn = torch.hypot(slope_across, slope_along), torch.atan2(-slope_along, slope_across)
    middle = varied.mean((1, 2))
    # torch's cubic kernel (a = -0.75) follows a plane to a hundredth of its slope, not exactly.
    for found, low, high in (
        (scale, 1, 1 + MAX_SHRINK),
        (turn, -MAX_ROTATION, MAX_ROTATION),
        (middle / 2 * 31 / 32, -MAX_TRANSLATION, MAX_TRANSLATION),
    ):
        near, quarter = 0.02 * (high - low), (high - low) / 4
        assert low - near < found.min() < low + quarter
        assert high - quarter < found.max() < high + near


def test_only_what_may_be_mirrored_is_and_half_of_that() -> None:
    across = RAMP.expand(640, 1, 32, 32)
    torch.manual_seed(2)
    may = torch.arange(640) % 2 == 0
    mirrored = augment(across, may, 1)[:, 0, :, 31].mean(1) < 0
    assert not mirrored[~may].any()
    assert abs(mirrored[may].double().mean().item() - 0.5) < 4 * math.sqrt(0.25 / 320)


def test_flags_and_letters_have_a_right_way_round() -> None:
    emoji, digits = load_pictures("emoji"), load_pictures("digits")
    assert not digits.can_flip.any()
    mirrored = {emoji.label_names[label] for label in emoji.labels[emoji.can_flip].tolist()}
    assert {"cat-face", "animal-mammal"} <= mirrored
    assert not mirrored & {"country-flag", "subdivision-flag", "face-sleepy"}
