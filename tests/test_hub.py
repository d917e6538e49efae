"""Networks from a Hub that runs on this machine: the real one is out of reach of tests."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from torch.testing import assert_close

from playground.core import model_registry
from playground.core.data.datasets import ImageDataset, save_pictures
from playground.core.diffusion.schedules import linear
from playground.core.model_registry import ModelRegistry
from playground.core.networks import hub
from playground.core.networks.checkpoint_format import CONFIG_FILE, WEIGHTS_FILE, CheckpointError
from playground.core.networks.checkpoints import load_checkpoint
from playground.core.networks.hub import download
from tests.conftest import unlabelled
from tests.hub import Hub, running_hub


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub with networks of both layouts, and one that was trained here and has its pictures."""
    old, new, own = (tmp_path / "hub" / name for name in ("old", "new", "own"))
    unlabelled(old, in_channels=3, out_channels=3)
    DDPMScheduler(prediction_type="v_prediction").save_pretrained(old)
    (old / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (old / "README.md").write_text("what it is")
    unlabelled(new / "unet")
    DDPMScheduler().save_pretrained(new / "scheduler")
    shutil.copytree(new, own)
    pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    save_pictures(ImageDataset("own", pixels, torch.zeros(4, dtype=torch.int64), (), 1, "made here", "MIT"), own)
    with running_hub({"some/old": old, "some/new": new, "some/own": own}) as running:
        monkeypatch.setattr(hub, "ENDPOINT", running.address)
        monkeypatch.setattr(hub, "CACHE", str(tmp_path / "cache"))
        yield running


@pytest.mark.parametrize("name", ["some/old", "some/new"])
def test_a_network_is_downloaded_and_is_the_one_that_was_served(name: str, served: Hub) -> None:
    checkpoint = load_checkpoint(name, "cpu")
    theirs = load_checkpoint(served.networks[name], "cpu")
    assert (checkpoint.name, checkpoint.image_shape) == (name, theirs.image_shape)
    assert checkpoint.predictor.prediction_type == theirs.predictor.prediction_type
    x_t, level = torch.randn(1, *theirs.image_shape), linear(1000).level(400)
    assert_close(checkpoint.predictor(x_t, level), theirs.predictor(x_t, level))


def test_download_for_a_visitor_does_not_use_the_hosts_token(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a visitor could have the host's private networks."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    library = ModelRegistry([served.networks["some/new"]], "cpu")
    assert library.download("some/old", lambda done, total: None) == "some/old"
    assert served.tokens == {None}
    download("some/own")
    assert served.tokens == {None, "Bearer hf_secret"}


def test_download_for_a_visitor_finds_no_earlier_copy_without_the_hub(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy may be of a private network."""
    download("some/old")
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match=r"The Hub .* cannot be reached"):
        download("some/old", token=False)
    assert download("some/old").is_dir()


def test_nothing_but_what_is_needed_is_downloaded(served: Hub) -> None:
    folder = download("some/old")
    assert {path.name for path in folder.rglob("*")} == {CONFIG_FILE, "scheduler_config.json", WEIGHTS_FILE}
    assert not [path for _, path in served.asked if path.endswith((".bin", ".md"))]


def test_its_own_pictures_come_with_it(served: Hub, tmp_path: Path) -> None:
    pictures = ModelRegistry(["some/own"], "cpu").pictures("some/own")
    assert (len(pictures), pictures.is_substitute, pictures.source) == (4, False, "made here")


def test_how_far_it_is_is_told_up_to_the_last_byte(served: Hub) -> None:
    said: list[tuple[int, int]] = []
    download("some/old", lambda done, total: said.append((done, total)))
    folder = served.networks["some/old"]
    whole = sum((folder / file).stat().st_size for file in (CONFIG_FILE, "scheduler_config.json", WEIGHTS_FILE))
    assert said == sorted(said)
    assert said[-1] == (whole, whole)
    assert len({done for done, _ in said}) >= 3


def test_what_was_downloaded_is_not_downloaded_again_and_is_there_without_the_hub(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = download("some/new")
    before = len([path for method, path in served.asked if method == "GET" and path.endswith(WEIGHTS_FILE)])
    assert download(f"{served.address}/some/new") == folder
    after = len([path for method, path in served.asked if method == "GET" and path.endswith(WEIGHTS_FILE)])
    assert before == after == 1
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")
    assert download("some/new") == folder
    with pytest.raises(CheckpointError, match=r"The Hub \(http://.*\) cannot be reached, and some/old has not been"):
        download("some/old")


def test_a_network_that_is_not_there_is_told(served: Hub) -> None:
    with pytest.raises(CheckpointError, match=r"There is no network some/other on the Hub \(http"):
        download("some/other")


def test_a_network_behind_a_gate_is_told(served: Hub) -> None:
    served.private.add("some/old")
    with pytest.raises(CheckpointError, match="only for those whom its owner has admitted"):
        download("some/old")


@pytest.mark.parametrize("name", ["", "a b", "../../etc", "a/b/c", "/etc/passwd", "some/net?x"])
def test_what_is_no_name_is_told(name: str, served: Hub) -> None:
    with pytest.raises(CheckpointError, match="cannot be the name of a network on the Hub, which is owner/name"):
        download(name)
    assert served.asked == []


def test_a_network_without_safetensors_is_told_and_its_pickle_stays_there(served: Hub) -> None:
    (served.networks["some/old"] / WEIGHTS_FILE).unlink()
    with pytest.raises(CheckpointError, match=r"some/old cannot be read\. It has no .* pickle, are never opened"):
        download("some/old")
    assert not [path for _, path in served.asked if "resolve" in path]


def test_a_network_that_is_too_large_is_told_before_it_is_downloaded(
    served: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_BYTES", 50_000)
    with pytest.raises(CheckpointError, match=r"some/old weighs [0-9,]+ MB, where 0 MB are allowed"):
        download("some/old")
    assert not [path for _, path in served.asked if "resolve" in path]


def test_a_network_that_does_not_fit_is_told_before_its_weights_are_downloaded(served: Hub) -> None:
    file = served.networks["some/old"] / CONFIG_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "in_channels": 4}))
    with pytest.raises(CheckpointError, match="its pictures have 4 channels"):
        download("some/old")
    assert not [path for _, path in served.asked if path.endswith(WEIGHTS_FILE)]


def test_a_repository_without_a_network_is_told(served: Hub) -> None:
    (served.networks["some/old"] / CONFIG_FILE).unlink()
    with pytest.raises(CheckpointError, match=r"There is no UNet2DModel in some/old"):
        download("some/old")


def test_a_file_that_grows_meanwhile_is_not_taken(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = served.networks["some/old"] / WEIGHTS_FILE

    def grow(done: int, total: int) -> None:
        with weights.open("ab") as file:
            file.write(bytes(1000))

    with pytest.raises(CheckpointError, match="is larger than the Hub said"):
        download("some/old", grow)


def test_the_library_takes_folders_and_names_and_more_names_later(served: Hub) -> None:
    networks = ModelRegistry([served.networks["some/new"], "some/old"], "cpu")
    assert networks.names == ["new", "some/old"]
    assert networks.download("some/own", lambda done, total: None) == "some/own"
    assert networks.download("some/own", lambda done, total: None) == "some/own"
    assert networks.names == ["new", "some/old", "some/own"]
    assert networks.checkpoint("some/own").name == "some/own"
    with pytest.raises(CheckpointError, match="There is no network some/other"):
        networks.download("some/other", lambda done, total: None)
    with pytest.raises(CheckpointError, match=r"There is no folder no/such here. There is no network no/such on"):
        ModelRegistry(["no/such"], "cpu")


def test_a_host_has_room_for_so_many(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_registry, "MAX_ADDED", 1)
    networks = ModelRegistry([served.networks["some/new"]], "cpu")
    networks.download("some/own", lambda done, total: None)
    with pytest.raises(CheckpointError, match="1 networks from the Hub are here already"):
        networks.download("some/old", lambda done, total: None)


def test_a_folder_of_the_host_is_not_to_be_had_by_name(served: Hub, tmp_path: Path) -> None:
    networks = ModelRegistry([served.networks["some/new"]], "cpu")
    with pytest.raises(CheckpointError, match="cannot be the name"):
        networks.download(str(served.networks["some/old"]), lambda done, total: None)


def test_download_refuses_networks_of_latents(served: Hub) -> None:
    (served.networks["some/new"] / "vqvae").mkdir()
    (served.networks["some/new"] / "vqvae" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"some/new predicts the noise in latents"):
        download("some/new")
    assert not [path for _, path in served.asked if "resolve" in path]


def test_normalize_repo_id_takes_the_address_of_the_files(served: Hub) -> None:
    for name in ("some/new", f"{served.address}/some/new/", f"{served.address}/some/new/tree/main"):
        assert hub.normalize_repo_id(name) == "some/new"
