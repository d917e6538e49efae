"""What the browser gets as files: the page's script, styles and fonts."""

from pathlib import Path


def text_beside(module: str, name: str) -> str:
    """The text of a file that lies beside a module, whose `__file__` is given."""
    return (Path(module).parent / name).read_text(encoding="utf-8")
