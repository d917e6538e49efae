"""Errors of handlers: each ends in a sentence for the user."""

import errno
import inspect
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.ui.server.errors import DISK_FULL, guard_handlers, is_ours, user_errors
from playground.ui.server.run_requests import number_of
from playground.ui.state.validation import integer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("steps must be a whole number."), "steps must be a whole number."),
        (FileNotFoundError("There are no pictures."), "There are no pictures."),
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
    ],
)
def test_user_errors_have_their_own_sentence_and_are_not_logged(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(gr.Error) as raised, user_errors():
        raise error
    assert raised.value.message == said
    assert not caplog.records


@pytest.mark.parametrize("error", [KeyError("secret"), OSError(errno.EIO, "/root/secret"), RuntimeError("secret")])
def test_user_errors_log_an_unexpected_error_and_say_so(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as raised, user_errors():
        raise error
    name = type(error).__name__
    assert raised.value.message.startswith(f"Something went wrong here ({name}).")
    assert "secret" not in raised.value.message
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_guard_handlers_wraps_functions_and_generators(caplog: pytest.LogCaptureFixture) -> None:
    def press(number: int) -> int:
        return 1 // number

    def stream(number: int) -> Iterator[int]:
        yield 0
        yield 1 // number

    events = [SimpleNamespace(fn=handler) for handler in (press, stream, None)]  # None: an event of the browser's alone
    guard_handlers(SimpleNamespace(fns=dict(enumerate(events))))
    *handlers, script = [event.fn for event in events]
    assert script is None
    assert [inspect.signature(each) for each in handlers] == [inspect.signature(press), inspect.signature(stream)]
    assert inspect.isgeneratorfunction(handlers[1])
    assert handlers[0](1) == 1
    assert list(handlers[1](1)) == [0, 1]
    with pytest.raises(gr.Error, match="Something went wrong here"):
        handlers[0](0)
    frames = handlers[1](0)
    assert next(frames) == 0
    with pytest.raises(gr.Error, match="Something went wrong here"):
        next(frames)
    assert len(caplog.records) == 2


def test_is_ours_tells_errors_of_this_package_from_gradios() -> None:
    with pytest.raises(ValueError, match="must be a whole number") as ours:
        number_of({"number": integer("number", "x", 1, 2)})
    assert is_ours(ours.value)
    with pytest.raises(KeyError) as theirs:
        dict[str, int]()["x"]
    assert not is_ours(theirs.value)
