"""Lesson panel: its questions as HTML; a script beside it turns them like pages."""

from __future__ import annotations

import gradio as gr

from playground.ui.assets import mount, text_beside
from playground.ui.components.lesson.questions import QUESTIONS, Question
from playground.ui.components.math_text import subscripts


def build_lesson() -> None:
    """Lay out the lesson panel, closed; `playground.openLesson()` opens it in the browser."""
    sections = "".join(map(_question_html, range(len(QUESTIONS)), QUESTIONS))
    gr.HTML(
        f'<aside class="lesson" aria-label="Lesson" hidden>{sections}</aside>',
        css_template=text_beside(__file__, "lesson.css"),
        js_on_load=mount("Lesson"),
        apply_default_css=False,
        elem_id="lesson",
    )


def _question_html(place: int, stop: Question) -> str:
    number, last = place + 1, len(QUESTIONS)
    guesses = "".join(
        f'<button type="button" data-right="{int(k == stop.right)}">{subscripts(guess)}</button>'
        for k, guess in enumerate(stop.guesses)
    )
    return f"""<section hidden data-stop="{number}">
  <header><span class="where">Lesson · {number} of {last}</span><button type="button" class="height">Larger</button>
  <button type="button" class="close" title="Close the lesson">×</button></header>
  <h3 tabindex="-1">{stop.title}</h3>
  <p>{subscripts(stop.question)}</p>
  <p class="task">Guess first. The playground then shows the answer.</p>
  <div class="guesses">{guesses}</div>
  <div class="answer" hidden>
    <p class="verdict" role="status"></p>
    <p>{subscripts(stop.answer)}</p>
    <p><a href="?{stop.link}&amp;lesson={number}">See it in the playground.</a> {subscripts(stop.look)}</p>
    <p class="sources">{stop.sources}</p>
  </div>
  <nav><button type="button" class="back"{" disabled" if place == 0 else ""}>‹ Back</button>
  <button type="button" class="on"{" disabled" if number == last else ""}>Next ›</button></nav>
</section>"""
