"""OpenVINO: a network converted from torch, compiled for each batch size, and cached on disk.

    python -m playground.core.inference.openvino FOLDER '{"batch_sizes": [1, 2], "options": {}}'

converts, compiles and tests a network in a separate process: this takes many seconds, which would hold up a page, and
on some machines the compiled network crashes the process that runs it. `ensure_compiled` starts that process, and
`OpenVINOModel` loads what it has tested.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from diffusers.models.attention_processor import Attention, FusedAttnProcessor2_0
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from playground.core.inference.engine import Engine, example_inputs


def cache_folder() -> Path:
    """Folder for compiled networks: in XDG_CACHE_HOME, else in ~/.cache, else, for a user without a home, temporary."""
    try:
        home = Path.home()
    except RuntimeError:
        home = Path(tempfile.gettempdir())
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "diffusion-playground"


CACHE = cache_folder()

COMMAND = ["-W", "ignore", "-m", "playground.core.inference.openvino"]

NETWORK = "network.xml"

OK_MARKER = "tried.json"

OPTION_FALLBACKS: tuple[dict[str, str], ...] = ({}, {"SNIPPETS_MODE": "DISABLE"})
"""The settings to try, in order: OpenVINO's own, then without the code that it generates for sequences of small
operations, in which it has crashed (see `_GroupNormAsLayerNorm`)."""

MAX_DIFFERENCE = 1e-3
"""Most relative difference between a compiled network and plain PyTorch; in float32 it is about 1e-6."""

BASE_OPTIONS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


def openvino() -> Any:
    """Import OpenVINO without its telemetry.

    The package reports its usage to its makers, unless its telemetry module is missing.
    """
    modules: dict[str, Any] = sys.modules
    modules["openvino_telemetry"] = None
    return importlib.import_module("openvino")


class OpenVINOModel:
    """A network compiled by OpenVINO for one batch size, on the CPU; smaller batches fill its first rows.

    It reads from `inputs` and writes to `answer`, the same memory in every call.
    """

    def __init__(self, folder: Path, inputs: Sequence[Tensor], options: dict[str, str]) -> None:
        """Compile the network, or load it from the cache.

        Args:
            folder: holds the converted network; what is compiled is cached there.
            inputs: tensors as `example_inputs` makes them; they set the batch size, and calls copy their inputs there.
            options: OpenVINO's settings, beyond BASE_OPTIONS.
        """
        core = openvino().Core()
        model = core.read_model(folder / NETWORK)
        model.reshape({place: list(each.shape) for place, each in enumerate(inputs)})
        settings = {**BASE_OPTIONS, "CACHE_DIR": str(folder), **options}
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        self.inputs, self.answer = inputs, torch.empty_like(inputs[0])
        for place, each in enumerate(inputs):
            self._request.set_input_tensor(place, openvino().Tensor(each.numpy(), shared_memory=True))
        self._request.set_output_tensor(openvino().Tensor(self.answer.numpy(), shared_memory=True))

    def __call__(self, *inputs: Tensor) -> Tensor:
        for static, value in zip(self.inputs, inputs, strict=True):
            static[: len(value)] = value
        self._request.start_async()  # the package's `infer` takes longer, since it first looks for inputs
        self._request.wait()
        return self.answer


class _Positional(nn.Module):
    """A UNet with positional arguments and a plain tensor as output, as tracing requires."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        answer: Tensor = self.unet(x, t, class_labels=labels, return_dict=False)[0]
        return answer


class _GroupNormAsLayerNorm(nn.Module):
    """A GroupNorm expressed as a layer norm over each group, which OpenVINO fuses with the operations after it.

    When it compiles its own group norm, OpenVINO 2025.2 to 2026.4 reads from a null pointer (seen on Zen 3 and 4).
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        groups = x.reshape(x.shape[0], self.norm.num_groups, x.shape[1] // self.norm.num_groups, -1)
        weight, bias = (each.reshape(1, *groups.shape[1:3], 1) for each in (self.norm.weight, self.norm.bias))
        return (layer_norm(groups, groups.shape[2:], eps=self.norm.eps) * weight + bias).reshape(x.shape)


def convert_to_ir(folder: Path) -> None:
    """Convert the network in `folder`/unet to OpenVINO's format, for any batch size."""
    unet = UNet2DModel.from_pretrained(folder / "unet").eval()
    fused: Any = FusedAttnProcessor2_0()
    for part in list(unet.modules()):
        if isinstance(part, Attention):  # one matrix product computes q, k and v
            part.fuse_projections()
            part.set_processor(fused)
        for name, child in list(part.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(part, name, _GroupNormAsLayerNorm(child))
    inputs = example_inputs(unet, 2)
    any_batch = [[-1, *each.shape[1:]] for each in inputs]
    model = openvino().convert_model(_Positional(unet), example_input=tuple(inputs), input=any_batch)
    partial = folder / f"partial-{NETWORK}"
    openvino().save_model(model, partial, compress_to_fp16=False)
    partial.with_suffix(".bin").replace((folder / NETWORK).with_suffix(".bin"))
    partial.replace(folder / NETWORK)


def smoke_test(folder: Path, batch_sizes: Sequence[int], options: dict[str, str]) -> None:
    """Compile a network, run it once at each batch size, and record that this worked in OK_MARKER.

    Args:
        folder: holds unet/; the converted and compiled network goes here.
        batch_sizes: the batch sizes to test.
        options: OpenVINO's settings, beyond BASE_OPTIONS.
    """
    if not (folder / NETWORK).is_file():
        convert_to_ir(folder)
    unet = UNet2DModel.from_config(UNet2DModel.load_config(folder / "unet"))
    for batch_size in batch_sizes:
        inputs = example_inputs(unet, batch_size)
        OpenVINOModel(folder, inputs, options)(*inputs)
    (folder / OK_MARKER).write_text(json.dumps(options), encoding="utf-8")


def ensure_compiled(unet: Any, folder: Path, batch_sizes: Sequence[int]) -> dict[str, str]:
    """Convert, compile and test a network in a separate process, unless that has been done before.

    Args:
        unet: a UNet2DModel.
        folder: where the converted and compiled network is cached.
        batch_sizes: the batch sizes to test.

    Returns:
        The OpenVINO settings to load it with.

    Raises:
        RuntimeError: if it cannot be compiled and run with any of OPTION_FALLBACKS.
        OSError: if `folder` cannot be used.
    """
    if not (folder / OK_MARKER).is_file():
        unet.save_pretrained(folder / "unet")
        for options in OPTION_FALLBACKS:
            request = json.dumps({"batch_sizes": list(batch_sizes), "options": options})
            error = _in_a_process_of_its_own([str(folder), request])
            if (folder / OK_MARKER).is_file():
                break
        else:
            raise RuntimeError(error)
    worked: dict[str, str] = json.loads((folder / OK_MARKER).read_text(encoding="utf-8"))
    return worked


def _in_a_process_of_its_own(arguments: list[str]) -> str:
    """Run this module's command; return the last line of its error output, or its exit code."""
    command = [sys.executable, *COMMAND, *arguments]
    root = str(Path(__file__).parents[3])
    # The child ends when its standard input closes, and so with this process, however this one ends.
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = process.stderr.read().strip().splitlines()
    return lines[-1] if lines else f"it ended with code {process.returncode}"


def enable_openvino(engine: Engine) -> None:
    """Enable OpenVINO for an engine, from the cache if this network has been compiled before.

    What is compiled must agree with plain PyTorch. A damaged cache is dropped and built again, once.

    Raises:
        RuntimeError: if the network cannot be compiled, or what is compiled differs from plain PyTorch.
        OSError: if the cache cannot be used.
    """
    folder = CACHE / _fingerprint(engine.unet)
    is_cached = (folder / OK_MARKER).is_file()
    try:
        compiled = _compiled(engine, folder)
    except Exception:  # OpenVINO has many types
        if not is_cached:
            raise
        shutil.rmtree(folder)
        compiled = _compiled(engine, folder)
    engine.enable(compiled)


def _compiled(engine: Engine, folder: Path) -> dict[int, Callable[..., Tensor]]:
    """The compiled network for each batch size, compared with plain PyTorch."""
    options = ensure_compiled(engine.unet, folder, engine.batch_sizes)
    compiled: dict[int, Callable[..., Tensor]] = {}
    for size in engine.batch_sizes:
        inputs = example_inputs(engine.unet, size)
        compiled[size] = OpenVINOModel(folder, inputs, options)
        check_agreement(engine.unet, compiled[size], size)
    return compiled


@torch.no_grad()
def check_agreement(unet: Any, compiled: Callable[..., Tensor], batch_size: int) -> None:
    """Compare a compiled network with plain PyTorch on random input.

    Args:
        unet: a UNet2DModel.
        compiled: the function to compare.
        batch_size: B.

    Raises:
        RuntimeError: if the root mean square of the difference exceeds MAX_DIFFERENCE of the output's.
    """
    x, t, *labels = example_inputs(unet, batch_size)
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(x.shape, generator=generator), 1000 * torch.rand(t.shape, generator=generator), *labels]
    expected = unet(*inputs).sample
    difference = (compiled(*inputs) - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    if not difference <= MAX_DIFFERENCE:  # also where it is not a number
        raise RuntimeError(f"the compiled network differs from plain PyTorch by {difference:.1g} of the output's rms")


def _fingerprint(unet: Any) -> str:
    """A hash of the network's config and weights, OpenVINO's version and the type of processor."""
    # Without what diffusers adds: the folder's path, and a list whose order changes from process to process.
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    digest.update(f"{importlib.metadata.version('openvino')} {_processor()}".encode())
    for weight in unet.state_dict().values():
        digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def _processor() -> str:
    """The type of processor, as far as it is known.

    A network compiled for one type may not run on another.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def main() -> None:
    """Test a network as the command line requests; end early if standard input closes."""
    folder, request = sys.argv[1:]
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)  # the page has priority
    smoke_test(Path(folder), **json.loads(request))


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
