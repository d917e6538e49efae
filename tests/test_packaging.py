"""The wheel: what `pip install .` puts on a machine starts without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import playground
from tests.server import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built and installed package; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    assert playground.__version__ in wheel.name
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return target


def run(installed: Path, *arguments: str) -> str:
    """What Python prints there, away from the repository."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        cwd=installed.parent,
        env=os.environ | {"PYTHONPATH": str(installed)},
    ).stdout


def test_the_installed_package_has_its_networks_and_its_page(installed: Path) -> None:
    code = "from playground.core.model_registry import ModelRegistry; from playground.ui import build_app; "
    code += "library = ModelRegistry(device='cpu'); build_app(library); print(library.names, library.folders['digits'])"
    assert run(installed, "-c", code).strip() == f"['digits', 'emoji'] {installed}/playground/weights/digits"


def test_the_installed_package_starts_as_a_program(installed: Path) -> None:
    assert "--hub-field" in run(installed, "-m", "playground", "--help")
    [script] = (installed / "bin").iterdir()
    assert script.name == "diffusion-playground"
