"""Bundle of the page's ES modules: one classic script, so that no module is requested from the server.

The modules are written as ES modules for editors, type checker and unit tests. Only these forms are allowed, which a
few lines can rewrite: `import { a, b } from "./c.js";`, `export function`, `export const` and `export class`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""Folder with all modules; a module is named by its path in it."""

IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def bundle(entry: Path) -> str:
    """Bundle a module with all that it imports.

    Each module becomes a function that is called once, in the order of the imports, and returns what it exports.

    Args:
        entry: file of the module; nothing imports it.

    Returns:
        The script.

    Raises:
        ValueError: for another form of import or export, and for modules that import each other.
    """
    functions: dict[Path, str] = {}

    def add(file: Path, importing: tuple[Path, ...]) -> None:
        if file in importing:
            raise ValueError(f"{file.name} imports itself through {importing[-1].name}.")
        if file in functions:
            return
        text = file.read_text(encoding="utf-8")
        for _, path in IMPORT.findall(text):
            add((file.parent / path).resolve(), (*importing, file))
        functions[file] = _function(file, text)

    add(entry.resolve(), ())
    return "{ const modules = {};\n" + "".join(functions.values()) + "}\n"


def _function(file: Path, text: str) -> str:
    """The module as a function whose result is kept under the module's path."""

    def required(match: re.Match[str]) -> str:
        module = _key((file.parent / match[2]).resolve())
        return f"const {{{match[1].replace(' as ', ': ')}}} = modules[{module}];\n"

    exported = ", ".join(EXPORT.findall(text))
    body = EXPORT.sub("", IMPORT.sub(required, text))
    other = re.search(r"^(?:import|export)\b.*", body, re.MULTILINE)
    if other:
        raise ValueError(f"{file.name} has a form of import or export that is not bundled: {other[0]}")
    return f"modules[{_key(file)}] = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _key(file: Path) -> str:
    return json.dumps(file.relative_to(ROOT).as_posix())
