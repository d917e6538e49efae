"""The public endpoints, called over HTTP by Gradio's own client, as somebody with a script would."""

import base64
import io
import tempfile
from typing import Any

import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from playground.core.analysis import noise_prediction
from playground.core.data import images
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling import generate
from playground.core.sampling.options import SamplingOptions


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def picture(url: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def step_deviation(pictures: torch.Tensor) -> float:
    return pictures.std(correction=0).item()


def test_the_endpoints_are_public_and_all_arguments_have_defaults(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/add_noise", "/predict_noise", "/sample"}
    for endpoint in named.values():
        assert all(parameter["parameter_has_default"] for parameter in endpoint["parameters"])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_add_noise_gives_what_core_computes(client: Client, library: ModelRegistry, schedule: str) -> None:
    pictures, record = client.predict(image=9001, t=123, schedule=schedule, T=500, seed=4, api_name="/add_noise")
    level = SCHEDULES[schedule](500).level(123)
    x0, eps = library.pictures("digits").x0(9001)[None], generate.seeded_noise((1, 28, 28), 4)[None]
    assert np.array_equal(picture(pictures["x_t"]), images.to_bytes(add_noise(x0, eps, level))[0, 0].numpy())
    assert record["alpha"] == pytest.approx(level.alpha.item())
    assert record["log_snr"] == pytest.approx(level.log_snr.item())
    assert record["settings"]["schedule"] == schedule


def test_predict_noise_gives_what_the_network_says(client: Client, library: ModelRegistry) -> None:
    pictures, record = client.predict(t=300, api_name="/predict_noise")
    checkpoint = library.checkpoint("digits")
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 0)
    ours = noise_prediction.predict_noise(checkpoint.predictor, x0, eps, checkpoint.schedule, [300])
    assert set(pictures) == {"x_t", "eps", "eps_hat", "difference", "x0_hat"}
    for name in ("error", "cosine", "r2", "deviation", "x0_error"):
        assert record[name] == pytest.approx(getattr(ours, name).item(), rel=1e-3)
    assert np.abs(picture(pictures["x0_hat"]) - images.to_bytes(ours.x0_hat)[0, 0].numpy().astype(int)).max() <= 1


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_sample_gives_what_core_samples(client: Client, library: ModelRegistry, sampler: str) -> None:
    pictures, record = client.predict(label="3", num_images=2, sampler=sampler, steps=6, seed=8, api_name="/sample")
    checkpoint = library.checkpoint("digits")
    first, *_, step = generate.generate(
        checkpoint.predictor,
        (1, 28, 28),
        SCHEDULES["linear"](1000),
        SamplingOptions(num_images=2, label=3, guidance_scale=1.5, seed=8, sampler=sampler, steps=6),
    )
    assert set(pictures) == {"0", "1"}
    assert [entry["t"] for entry in record["steps"]] == [999, 832, 666, 499, 332, 166]
    assert record["steps"][0]["std_x_t"] == pytest.approx(step_deviation(first.x_t))
    assert record["end"]["alpha_bar"] == 1
    assert record["end"]["std_x_t"] == pytest.approx(step_deviation(step.x_next), abs=1e-4)
    assert record["covered"] is True
    expected = images.to_bytes(step.x_next)[1, 0].numpy().astype(int)
    assert np.abs(picture(pictures["1"]) - expected).max() <= 1


def test_zero_terminal_snr_has_numbers_that_json_can_hold(client: Client) -> None:
    _, record = client.predict(t=999, zero_terminal_snr=True, api_name="/predict_noise")
    assert record["alpha"] == 0
    assert record["log_snr"] is None
    assert record["covered"] is False


def test_a_picture_of_ones_own(client: Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), "black").save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    for own in (text, "data:image/png;base64," + text):
        pictures, record = client.predict(own_image=own, t=0, api_name="/add_noise")
        assert picture(pictures["x0"]).max() == 0
        assert "your own" in record["image"]


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("/add_noise", {"t": 1000}, "t must be a whole number from 0 to 999; it was 1000."),
    ("/add_noise", {"T": 5}, "T must be a whole number from 10 to 4000; it was 5."),
    ("/add_noise", {"schedule": "quadratic"}, f"schedule must be one of {', '.join(SCHEDULES)}; it was quadratic."),
    ("/add_noise", {"model": "cats"}, "model must be one of digits, emoji; it was cats."),
    ("/add_noise", {"model": "../../etc"}, "model must be one of digits, emoji"),
    ("/add_noise", {"own_image": "no base64"}, "A picture must be sent as a picture file in base64."),
    ("/add_noise", {"own_image": base64.b64encode(b"no picture").decode()}, "This file is not a picture"),
    ("/predict_noise", {"t": -1}, "t must be a whole number from 0 to 999; it was -1."),
    ("/predict_noise", {"seed": -3}, "seed must be a whole number from 0 to 2147483647; it was -3."),
    ("/predict_noise", {"image": 10**9}, "image must be a whole number from 0 to 9999"),
    ("/predict_noise", {"predictor": []}, "predictor must be one of network, ideal, blind, copycat; it was []."),
    ("/sample", {"steps": 0}, "steps must be a whole number from 1 to 1000; it was 0."),
    ("/sample", {"label": "eleven"}, "label must be one of any, 0"),
    ("/sample", {"num_images": 99}, "num_images must be a whole number from 1 to 16; it was 99."),
    ("/sample", {"guidance_scale": "much"}, "guidance_scale must be a number from 0 to 8; it was much."),
]


@pytest.mark.parametrize(("endpoint", "arguments", "sentence"), BAD)
def test_bad_input_gets_one_sentence_and_the_next_request_works(
    client: Client, endpoint: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**arguments, api_name=endpoint)
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert client.predict(t=1, api_name="/add_noise")[1]["t"] == 1


def test_damaged_or_missing_weights_are_told_and_the_rest_works(damaged: str) -> None:
    client = Client(damaged, verbose=False)
    for name, sentence in (("short", "are damaged"), ("missing", "The network in missing cannot be read. It has no")):
        for endpoint in ("/predict_noise", "/sample"):
            with pytest.raises(AppError) as caught:
                client.predict(model=name, api_name=endpoint)
            assert sentence in str(caught.value)
            assert tempfile.gettempdir() not in str(caught.value)  # a visitor learns no path of the server
        assert client.predict(model=name, api_name="/add_noise")[1]["t"] == 250
