from playground.core.diffusion.schedules import linear
from playground.core.toy2d.datasets import world
from playground.core.toy2d.diagnostics import ground
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import Trainer
from playground.ui.state.training_sessions import TrainingSession, TrainingSessionStore

RECIPE = TrainingConfig(world("spiral"), linear(100), width=16, depth=1)
GROUND = ground(RECIPE)


def desk() -> TrainingSession:
    return TrainingSession((), GROUND, Trainer(RECIPE))


def test_everybody_has_their_own() -> None:
    desks, one, other = TrainingSessionStore(), desk(), desk()
    desks.take("a", one)
    desks.take("b", other)
    assert desks.at("a") is one
    assert desks.at("b") is other
    assert desks.at("c") is None
    assert one.film != other.film


def test_who_begins_anew_or_goes_away_leaves_nothing() -> None:
    desks, one, other = TrainingSessionStore(), desk(), desk()
    desks.take("a", one)
    desks.take("a", other)
    assert one.left
    assert not other.left
    desks.clear("a")
    assert other.left
    assert len(desks) == 0
    desks.clear("a")


def test_memory_is_bounded_and_the_one_not_used_for_longest_goes() -> None:
    desks, all_of_them = TrainingSessionStore(room=3), [desk() for _ in range(5)]
    for k, each in enumerate(all_of_them):
        desks.take(str(k), each)
        desks.at("0")
    assert [each.left for each in all_of_them] == [False, True, True, False, False]
    assert len(desks) == 3
