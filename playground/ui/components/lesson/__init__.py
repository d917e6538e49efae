"""Lesson: eight questions, each answered by a state of the playground. Markup, style and script lie beside it."""

from playground.ui.components.lesson.panel import build_lesson
from playground.ui.components.lesson.questions import QUESTIONS

__all__ = ["QUESTIONS", "build_lesson"]
