"""Imports run one way: app → ui → render → core, within core from the registry down to diffusion, and in no circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {"core": 0, "render": 1, "ui": 2}
CORE = [
    {"diffusion", "data"},
    {"sampling", "networks", "inference"},
    {"analysis", "toy2d"},
    {"model_registry", "__init__"},
]
FILES = sorted((ROOT / "playground").rglob("*.py"))


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file} has a relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def core_rank(package: str) -> int:
    return next(rank for rank, packages in enumerate(CORE) if package in packages)


def test_no_import_runs_upwards() -> None:
    for file in FILES:
        parts = file.relative_to(ROOT / "playground").with_suffix("").parts
        names = imported(file)
        assert not any(name == "app" or name.startswith("app.") for name in names), file
        if parts[0] not in FLOORS:
            launches = parts == ("serve",)  # the page, as app.py does
            assert launches or not any(name.startswith("playground.ui") for name in names), file
            continue
        for name in names:
            target = name.split(".")
            if target[0] != "playground" or len(target) < 2 or target[1] not in FLOORS:
                assert target[0] != "playground" or target == ["playground"], f"{file} imports {name}, above the floors"
                continue
            assert FLOORS[target[1]] <= FLOORS[parts[0]], f"{file} imports {name}"
            if parts[0] == target[1] == "core" and len(target) > 2 and target[2] != parts[1]:
                assert core_rank(target[2]) < core_rank(parts[1]), f"{file} imports {name}"


def test_modules_of_core_import_each_other_in_no_circle() -> None:
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in FILES if "core" in file.parts}
    left = {name: imported(file) & modules.keys() - {name} for name, file in modules.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert left == {}


@pytest.mark.parametrize(
    ("floor", "strangers"), [("core", {"gradio", "plotly"}), ("render", {"gradio"}), ("ui", {"torch"})]
)
def test_each_floor_knows_only_its_own_libraries(floor: str, strangers: set[str]) -> None:
    for file in (ROOT / "playground" / floor).rglob("*.py"):
        assert not {name.split(".")[0] for name in imported(file)} & strangers, file


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert not {file.stem for file in FILES} & {"utils", "helpers", "common", "misc"}
