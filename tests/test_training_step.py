import pytest
import torch
from torch.testing import assert_close

from playground import train
from playground.core.analysis import noise_prediction
from playground.core.analysis.training_step import LINES, execute
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import SCHEDULES, linear
from playground.core.sampling import generate
from tests.conftest import small_unet


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_lines_compute_what_the_screen_shows(name: str, pictures: torch.Tensor) -> None:
    """Every tensor beside the record that the film above is made of."""
    predictor, schedule = UNetPredictor(small_unet(), linear(1000), null_label=3), SCHEDULES[name](200)
    done = execute(predictor, pictures[0], schedule, 120, seed=5)
    assert tuple(each.line for each in done) == LINES
    made = {name: tensor for each in done for name, tensor in each.made.items()}
    assert [sorted(each.made) for each in done] == [["eps", "t"], ["x_t"], ["eps_hat"], ["loss"]]
    record = noise_prediction.predict_noise(
        predictor, pictures[0], generate.seeded_noise((1, 8, 8), 5), schedule, [120]
    )
    assert made["t"].item() == 120
    for key in ("eps", "x_t", "eps_hat"):
        assert_close(made[key], getattr(record, key)[0], atol=1e-5, rtol=1e-5)
    assert_close(made["loss"], record.error[0], atol=1e-5, rtol=1e-5)


def test_the_lines_are_the_loss_that_training_descends(pictures: torch.Tensor) -> None:
    """`train.loss` with its own draws, handed to the lines."""
    unet, schedule = small_unet(), linear(1000)
    torch.manual_seed(3)
    trained = train.loss(unet, schedule, pictures[:1], torch.tensor([3]))
    torch.manual_seed(3)
    t, eps = torch.randint(1000, (1,)), torch.randn(1, 1, 8, 8)
    namespace = {
        "x0": pictures[0],
        "alpha_bar": schedule.alpha_bar.float(),
        "draw_t": lambda: t[0],
        "draw_eps": lambda: eps[0],
        "network": lambda x_t, t: unet(x_t[None], t.float()[None], class_labels=torch.tensor([3])).sample[0],
    }
    for line in LINES:
        exec(line, namespace)
    assert_close(namespace["loss"], trained, atol=1e-6, rtol=1e-6)
