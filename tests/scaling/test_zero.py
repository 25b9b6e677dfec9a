"""The order of steps on the way to zero and back: at every moment somebody answers the Service."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from modelberth.scaling.zero import HELD_S, SETTLED_S, Situation, Step, step

START_S = 3.0
"""Seconds from the first pod that is asked for to its first answer."""


def situation(**changes: object) -> Situation:
    """At zero, settled, nobody waiting; changed by keyword."""
    still = {
        "wanted": 0,
        "asked": 0,
        "to_zero": True,
        "ready": False,
        "ready_left_s": SETTLED_S,
        "held_left_s": HELD_S,
        "door": True,
        "door_left_s": 0.0,
        "held": 0,
        "activators": True,
    }
    return Situation(**{**still, **changes})  # type: ignore[arg-type]


SERVING = {
    "wanted": 1,
    "asked": 1,
    "ready": True,
    "ready_left_s": 0.0,
    "held_left_s": 0.0,
    "door": False,
    "door_left_s": SETTLED_S,
}


def test_serving_has_no_door() -> None:
    assert step(situation(**SERVING)) == Step(1, door=False)


def test_down_first_the_door_then_time_then_the_pods() -> None:
    assert step(situation(**{**SERVING, "wanted": 0})) == Step(1, door=True, again_s=SETTLED_S)
    assert step(situation(**{**SERVING, "wanted": 0, "door": True, "door_left_s": 1.5})) == Step(1, True, 1.5)
    assert step(situation(**{**SERVING, "wanted": 0, "door": True, "door_left_s": 0.0})) == Step(0, door=True)
    assert step(situation()) == Step(0, door=True)


def test_up_the_door_stays_until_pods_are_known_and_nothing_is_held() -> None:
    up = {"wanted": 2, "asked": 2, "ready": True}
    assert step(situation(wanted=2)) == Step(2, door=True)
    assert step(situation(**up, ready_left_s=2.0)) == Step(2, door=True, again_s=2.0)
    assert step(situation(**up, ready_left_s=0.0, held_left_s=20.0, held=1)) == Step(2, door=True, again_s=20.0)
    assert step(situation(**up, ready_left_s=0.0, held_left_s=20.0)) == Step(2, door=False)


def test_what_the_activator_cannot_get_rid_of_keeps_nobody_else_from_the_pods() -> None:
    stuck = {"wanted": 1, "asked": 1, "ready": True, "ready_left_s": 0.0, "held_left_s": 0.0, "held": 3}
    assert step(situation(**stuck)) == Step(1, door=False)


def test_a_pod_that_dies_is_stood_in_for() -> None:
    assert step(situation(**{**SERVING, "ready": False, "ready_left_s": SETTLED_S})) == Step(1, door=True)


def test_without_activators_the_last_pod_stays() -> None:
    assert step(situation(**{**SERVING, "wanted": 0}, activators=False)) == Step(1, door=False)
    assert step(situation(wanted=1, door=False, activators=False)) == Step(1, door=False)


def test_activators_that_are_away_for_a_moment_find_their_doors_again() -> None:
    assert step(situation(activators=False)) == Step(0, door=True)
    assert step(situation(wanted=1, asked=1, activators=False)) == Step(1, door=True)


def test_a_model_that_may_no_longer_be_at_zero_comes_up_behind_its_door() -> None:
    back = {"to_zero": False, "wanted": 1}
    assert step(situation(**back)) == Step(1, door=True)
    assert step(situation(**back, asked=1, ready=True, ready_left_s=2.0)) == Step(1, door=True, again_s=2.0)
    assert step(situation(**back, asked=1, ready=True, ready_left_s=0.0, held_left_s=9.0)) == Step(1, door=False)
    assert step(situation(**{**SERVING, "to_zero": False, "ready": False})) == Step(1, door=False)
    assert step(situation(to_zero=False)) == Step(0, door=False)


@dataclass
class Model:
    """A model in time: what is known everywhere follows what is so after SETTLED_S - 2."""

    asked: int = 1
    ready_for: float = SETTLED_S
    door_for: float | None = None
    starting: float = 0.0
    gone_for: float = SETTLED_S
    """Seconds since the door was taken away."""

    def tick(self, wanted: int, held: int, seconds: float) -> None:
        now = Situation(
            wanted=wanted,
            asked=self.asked,
            to_zero=True,
            ready=self.ready,
            held_left_s=HELD_S,
            ready_left_s=max(SETTLED_S - self.ready_for, 0.0) if self.ready else SETTLED_S,
            door=self.door_for is not None,
            door_left_s=SETTLED_S if self.door_for is None else max(SETTLED_S - self.door_for, 0.0),
            held=held,
            activators=True,
        )
        following = step(now)
        if following.replicas == 0:
            self.ready_for, self.starting = 0.0, 0.0
        elif self.asked == 0:
            self.starting = 0.0
        self.asked = following.replicas
        if following.door:
            self.door_for = 0.0 if self.door_for is None else self.door_for + seconds
            self.gone_for = 0.0
        else:
            self.door_for = None
            self.gone_for += seconds
        if self.asked > 0:
            self.starting += seconds
            if self.starting >= START_S:
                self.ready_for += seconds

    @property
    def ready(self) -> bool:
        return self.asked > 0 and self.ready_for > 0


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 20)), max_size=30))
def test_somebody_that_every_node_knows_always_answers(story: list[tuple[int, bool, int]]) -> None:
    propagation = SETTLED_S - 2
    model = Model()
    for wanted, holds, ticks in story:
        for _ in range(ticks):
            model.tick(wanted, 1 if holds and not model.ready else 0, 0.5)
            pods = model.ready and model.ready_for >= propagation
            door = model.door_for is not None and model.door_for >= propagation
            # A pod that was just told to go answers while it drains.
            assert pods or door or model.ready, model
