"""What the README and the repository say to Hugging Face, so that uploading the folder is the deployment."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import tomllib
import unicodedata

import pytest
from huggingface_hub import SpaceCard, SpaceCardData
from huggingface_hub.utils import filter_repo_objects
from packaging.requirements import Requirement

from tests.server import ROOT

# https://huggingface.co/docs/hub/spaces-config-reference: what SpaceCardData does not name.
FURTHER = {"emoji", "colorFrom", "colorTo", "short_description", "startup_duration_timeout"}
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
HUBS_OWN_LIMIT = 10_000_000  # bytes, over which a file has to be in Git LFS


@pytest.fixture(scope="module")
def front() -> dict[str, object]:
    return dict(SpaceCard.load(ROOT / "README.md").data.to_dict())


def test_every_key_is_one_that_the_hub_knows(front: dict[str, object]) -> None:
    assert set(front) <= set(inspect.signature(SpaceCardData).parameters) | FURTHER
    assert {"title", "emoji", "sdk", "sdk_version", "python_version", "app_file", "license", "tags"} <= set(front)


def test_what_it_says_is_allowed(front: dict[str, object]) -> None:
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(str(front["short_description"])) <= 60
    assert unicodedata.category(str(front["emoji"])) == "So"
    assert len(str(front["emoji"])) == 1
    assert re.fullmatch(r"\d+(m|h)", str(front["startup_duration_timeout"]))
    assert front["sdk"] == "gradio"
    assert (ROOT / str(front["app_file"])).is_file()


def test_it_says_what_the_repository_says(front: dict[str, object]) -> None:
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    [gradio] = [each for each in map(Requirement, requirements) if each.name == "gradio"]
    assert gradio.specifier.contains(str(front["sdk_version"]))
    assert not any(Requirement(each).name == "spaces" for each in requirements)  # a Space brings its own
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(str(front["python_version"]))
    assert str(front["license"]).upper() == project["license"]


def test_the_documented_upload_takes_what_is_in_the_repository_but_for_the_hubs_own_file() -> None:
    guide = (ROOT / ".github" / "DEPLOYING.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^hf upload .*$", guide, re.MULTILINE)
    excluded = shlex.split(command)[shlex.split(command).index("--exclude") + 1 :]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    uploaded = filter_repo_objects(listed, ignore_patterns=excluded)
    assert set(listed) - set(uploaded) == {".gitattributes"}
    assert ".gitignore" in listed


def test_every_file_fits_into_a_repository_without_git_lfs() -> None:
    assert all(path.stat().st_size <= HUBS_OWN_LIMIT for path in (ROOT / "weights").rglob("*") if path.is_file())
