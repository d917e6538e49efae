"""Claim: the head of a view, with its question, formula and folded explanation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """Claim of a view: `question` in plain text, `formula` as HTML, and `more`, the explanation, as Markdown.

    `question` and `formula` share one line of the stage; `formula` may be empty. `more` opens over the stage.
    """

    question: str
    formula: str
    more: str

    def markdown(self) -> str:
        """Markdown for `gr.Markdown`: a heading, the formula, and a `<details>` with the explanation."""
        line = f'\n<p class="formula">{self.formula}</p>' if self.formula else ""
        return f"""<div class="claim"><h2>{self.question}</h2>{line}
<details class="more"><summary>more</summary><div class="card">

{self.more}

</div></details></div>"""
