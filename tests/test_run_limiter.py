import threading

import pytest

from playground.ui.server.run_limiter import AT_ONCE, RunLimiter


def test_nobody_has_more_than_a_few_runs_at_once_and_others_are_not_held_up() -> None:
    turns = RunLimiter()
    with turns.taken("one"), turns.taken("one"):
        with pytest.raises(ValueError, match=f"You have {AT_ONCE} runs under way already"), turns.taken("one"):
            pass
        with turns.taken("other"):
            assert len(turns) == AT_ONCE + 1
    assert len(turns) == 0
    with turns.taken("one"):
        assert len(turns) == 1


def test_a_run_that_fails_gives_its_turn_back() -> None:
    turns = RunLimiter(1)
    with pytest.raises(ZeroDivisionError), turns.taken("one"):
        raise ZeroDivisionError
    with turns.taken("one"):
        assert len(turns) == 1


def test_turns_are_counted_right_by_many_threads() -> None:
    turns, had = RunLimiter(3), []

    def run() -> None:
        for _ in range(300):
            try:
                with turns.taken("one"):
                    had.append(len(turns))
            except ValueError:
                had.append(0)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(had) <= 3
    assert len(turns) == 0
