"""Networks from the Hugging Face Hub: inspected, then downloaded. Runs no code and opens no pickle."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HFValidationError, HTTPError, RepositoryNotFoundError
from tqdm import tqdm

from playground.core.networks.checkpoint_format import (
    AUTOENCODERS,
    CONFIG_FILE,
    NETWORK_OF_LATENTS,
    SCHEDULER_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    explain_weights,
    validate_config,
)

MAX_BYTES = 1_000_000_000

ENDPOINT, CACHE = constants.ENDPOINT, constants.HF_HUB_CACHE

ProgressCallback = Callable[[int, int], None]
"""Called with the number of bytes received so far, and the number in all."""


def download(
    name: str, progress: ProgressCallback = lambda done, total: None, token: Literal[False] | None = None
) -> Path:
    """Download a network from the Hub into its cache.

    Only its configs and safetensors are downloaded, and its card and pictures if it has them, as `playground.train`
    writes them. The configs come first: if the network is not supported, or its files exceed MAX_BYTES, its weights are
    not downloaded. If the Hub cannot be reached, the copy of an earlier download is used.

    Args:
        name: "owner/name", or the network's address on the Hub.
        progress: called with the bytes received so far, and in all.
        token: None for the token of this machine's user; False for none, so that only public networks are found. An
            earlier download may be of a private network, so without a token it does not replace the Hub.

    Returns:
        The network's folder in the cache.

    Raises:
        CheckpointError: if the network does not exist, is not accessible or is not supported, or if the Hub cannot be
            reached and there is no copy. The message is written for users.
    """
    name = normalize_repo_id(name)
    try:
        info = HfApi(endpoint=ENDPOINT, token=token).model_info(name, files_metadata=True, timeout=10)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        unet = "unet/" if "unet/" + CONFIG_FILE in sizes else ""
        _check(name, sizes, unet)
        configs = (unet + CONFIG_FILE, SCHEDULER_FILE, "scheduler/" + SCHEDULER_FILE, "card.json")
        rest = ("pictures.json", "pictures.png", "samples.png", unet + WEIGHTS_FILE)
        total, done = sum(sizes.get(file, 0) for file in (*configs, *rest)), 0
        if total > MAX_BYTES:
            raise CheckpointError(f"{name} weighs {total / 1e6:,.0f} MB, where {MAX_BYTES / 1e6:,.0f} MB are allowed.")
        for files in (configs, rest):
            for file in filter(sizes.__contains__, files):
                folder = _downloaded(name, file, sizes[file], _after(done, total, progress), token)
                done += sizes[file]
                progress(done, total)
            validate_config(folder, name)
    except HFValidationError as error:
        raise CheckpointError(f"{name!r} cannot be the name of a network on the Hub, which is owner/name.") from error
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name} is only for those whom its owner has admitted on the Hub ({ENDPOINT})."
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(f"There is no network {name} on the Hub ({ENDPOINT}).") from error
    except (HTTPError, OSError) as error:
        if token is False:
            raise CheckpointError(f"The Hub ({ENDPOINT}) cannot be reached.") from error
        return _from_cache(name, error)
    return folder


def resolve(model: str | Path, progress: ProgressCallback = lambda done, total: None) -> tuple[str, Path]:
    """Find a network in a local folder, or else on the Hub, from where it is downloaded.

    Args:
        model: a folder, or "owner/name" or the network's address on the Hub. A file stands for its folder, and unet/
            for the folder that it is in.
        progress: called with the bytes received so far, and in all.

    Returns:
        The network's name and its folder.

    Raises:
        CheckpointError: if there is neither such a folder nor such a network on the Hub.
    """
    folder = Path(os.path.expanduser(model))
    if folder.is_file():
        folder = folder.parent
    if folder.is_dir():
        folder = folder.resolve()
        folder = folder.parent if folder.name == "unet" else folder
        return folder.name, folder
    try:
        return normalize_repo_id(str(model)), download(str(model), progress)
    except CheckpointError as error:
        raise CheckpointError(f"There is no folder {model} here. {error}") from error


def normalize_repo_id(name: str) -> str:
    """Normalize the name of a network on the Hub, or its address there, also of its files, to "owner/name"."""
    return name.strip().removeprefix(ENDPOINT + "/").rstrip("/").removesuffix("/tree/main")


def _check(name: str, sizes: Mapping[str, int], unet: str) -> None:
    if unet + CONFIG_FILE not in sizes:
        raise CheckpointError(f"There is no UNet2DModel in {name}: it has no {CONFIG_FILE} and no unet/{CONFIG_FILE}.")
    if beside := next((folder for folder in AUTOENCODERS if f"{folder}/{CONFIG_FILE}" in sizes), ""):
        raise CheckpointError(NETWORK_OF_LATENTS.format(name, beside))
    # A single file is what is downloaded, whatever else is there.
    if unet + WEIGHTS_FILE not in sizes:
        raise CheckpointError(f"The network {name} cannot be read. {explain_weights(sizes, unet)}")


def _after(done: int, total: int, progress: ProgressCallback) -> Callable[[int], None]:
    return lambda came: progress(done + came, total)


def _downloaded(name: str, file: str, size: int, progress: Callable[[int], None], token: Literal[False] | None) -> Path:
    """Download a file of that size, or find it in the cache; return the network's folder."""

    class Bar(tqdm):
        def __init__(self, *args: Any, name: str = "", **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            if self.n > size:
                raise CheckpointError(f"{file} of {name} is larger than the Hub said: it was not downloaded.")
            if self.n < size:  # the last call comes once the file is complete
                progress(int(self.n))
            return None

    path = hf_hub_download(name, file, cache_dir=CACHE, endpoint=ENDPOINT, tqdm_class=Bar, token=token)
    return _folder(path, file)


def _folder(path: str, file: str) -> Path:
    return Path(path).parents[len(PurePosixPath(file).parts) - 1]


def _from_cache(name: str, error: Exception) -> Path:
    for file in (WEIGHTS_FILE, "unet/" + WEIGHTS_FILE):  # the file that is downloaded last
        path = try_to_load_from_cache(name, file, cache_dir=CACHE)
        if isinstance(path, str):
            return _folder(path, file)
    raise CheckpointError(
        f"The Hub ({ENDPOINT}) cannot be reached, and {name} has not been downloaded before."
    ) from error
