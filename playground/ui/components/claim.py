"""The head of a view: its question, formula, and explanation on demand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A question in plain text, a formula as HTML, and `more`, the explanation as Markdown.

    `question` and `formula` share one line of the stage; `formula` may be empty. `more` opens over the stage.
    """

    question: str
    formula: str
    more: str

    def markdown(self) -> str:
        """The three parts as Markdown for `gr.Markdown`: a heading, the formula, and a `<details>` with the rest."""
        line = f'\n<p class="formula">{self.formula}</p>' if self.formula else ""
        return f"""<div class="claim"><h2>{self.question}</h2>{line}
<details class="more"><summary>more</summary><div class="card">

{self.more}

</div></details></div>"""
