"""Assets: the page's script, styles and fonts, as files for the browser."""

from pathlib import Path


def text_beside(module: str, name: str) -> str:
    """Text of a file that lies beside a module.

    Args:
        module: the module's `__file__`.
        name: name of the file.

    Returns:
        The text.
    """
    return (Path(module).parent / name).read_text(encoding="utf-8")


def mount(component: str) -> str:
    """Script of a `gr.HTML` that starts a component in the browser: `mountPlayer` in player.js for "Player"."""
    return f"playground.mount{component}({{ element, props, trigger, server, watch }});"
