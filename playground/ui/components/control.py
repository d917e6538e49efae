"""Controls on the page: element ids, labels and visibility, from their declarations in the settings."""

from __future__ import annotations

from typing import Any

from playground.ui.state.settings import CONTROLS, TABS, Settings


def control_arguments(name: str, settings: Settings) -> dict[str, Any]:
    """Arguments of a control's component: its value, label and element id.

    Args:
        name: name of the setting.
        settings: settings that the control shows at first.

    Returns:
        Keyword arguments for a component of Gradio.
    """
    return {"value": getattr(settings, name), "label": CONTROLS[name].label, "elem_id": f"control-{name}"}


def full_name(name: str) -> str:
    """Label of a control with the name of its tab, such as "Train: Width"; the label alone for shared controls."""
    control = CONTROLS[name]
    return f"{TABS[control.tab]}: {control.label}" if control.tab else control.label


def visibility_css() -> str:
    """Style sheet that hides a control where it has no effect: `page.js` writes the settings to the body's data."""
    rules = []
    for name, control in CONTROLS.items():
        if control.visible_when:
            other, values = control.visible_when
            shown = ", ".join(f"[data-{other}={value}]" for value in values)
            rules.append(f"body:not(:is({shown})) #control-{name} {{ display: none !important; }}")
    return "\n".join(rules)
