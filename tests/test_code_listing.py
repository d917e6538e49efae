import torch

from playground.core.analysis.training_step import LINES, ExecutedLine
from playground.core.data import images
from playground.render.code_listing import code, executed_lines, noise_url
from playground.render.palette import noise_colours


def test_code_stands_as_it_is_executed_and_its_tensors_below_it() -> None:
    assert code(LINES).count("<li>") == 4
    done = [
        ExecutedLine("t, eps = draw_t(), draw_eps()", {"t": torch.tensor(40), "eps": torch.zeros(1, 2, 2)}),
        ExecutedLine("a < b", {"loss": torch.tensor(0.25)}),
    ]
    page = executed_lines(done, 40)
    assert "t, eps = draw_t(), draw_eps()" in page
    assert "a &lt; b" in page
    assert "<b>t</b> = 40" in page
    assert "<b>loss</b> = 0.2500" in page
    assert page.count("<img") == 1


def test_noise_has_the_colours_that_the_player_gives_it() -> None:
    noise = torch.tensor([[[-3.0, 0.0], [1.0, 9.0]]])
    picture = images.load_upload(images.decode_base64(noise_url(noise).split(",", 1)[1]))
    scale = noise_colours()
    for x, y, value in ((0, 0, 0), (1, 0, 128), (0, 1, 170), (1, 1, 255)):
        assert picture.getpixel((x, y)) == tuple(int(channel) for channel in scale[value])
