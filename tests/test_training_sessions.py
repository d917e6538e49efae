from playground.core.diffusion.schedules import linear
from playground.core.toy2d.datasets import load_toy_dataset
from playground.core.toy2d.diagnostics import build_reference
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import Trainer
from playground.ui.state.training_sessions import TrainingSession, TrainingSessionStore

RECIPE = TrainingConfig(load_toy_dataset("spiral"), linear(100), hidden_width=16, hidden_layers=1)
GROUND = build_reference(RECIPE)


def new_session() -> TrainingSession:
    return TrainingSession((), GROUND, Trainer(RECIPE))


def test_everybody_has_their_own() -> None:
    sessions, one, other = TrainingSessionStore(), new_session(), new_session()
    sessions.put("a", one)
    sessions.put("b", other)
    assert sessions.get("a") is one
    assert sessions.get("b") is other
    assert sessions.get("c") is None
    assert one.film != other.film


def test_who_begins_anew_or_goes_away_leaves_nothing() -> None:
    sessions, one, other = TrainingSessionStore(), new_session(), new_session()
    sessions.put("a", one)
    sessions.put("a", other)
    assert one.left
    assert not other.left
    sessions.remove("a")
    assert other.left
    assert len(sessions) == 0
    sessions.remove("a")


def test_memory_is_bounded_and_the_one_not_used_for_longest_goes() -> None:
    sessions, all_of_them = TrainingSessionStore(capacity=3), [new_session() for _ in range(5)]
    for k, each in enumerate(all_of_them):
        sessions.put(str(k), each)
        sessions.get("0")
    assert [each.left for each in all_of_them] == [False, True, True, False, False]
    assert len(sessions) == 3


def test_put_drops_a_session_of_the_address_with_the_most() -> None:
    """One client with many sessions does not end the training of another."""
    sessions, single = TrainingSessionStore(3), new_session()
    single.address = "192.0.2.2"
    sessions.put("single", single)
    many = [new_session() for _ in range(4)]
    for k, each in enumerate(many):
        each.address = "192.0.2.1"
        sessions.put(f"many {k}", each)
    assert [each.left for each in many] == [True, True, False, False]
    assert sessions.get("single") is single
