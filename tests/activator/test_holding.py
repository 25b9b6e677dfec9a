"""The accounts of what is held: never below zero, never over a bound, and back to nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from modelberth.activator.holding import FullError, Holding, Limits, Place
from modelberth.activator.slices import Key

LIMITS = Limits(requests=5, requests_per_model=3, bytes=100, bytes_per_model=60)
KEYS = [("ns", name) for name in "abc"]


class Accounts(RuleBasedStateMachine):
    """Places come, hold, grow, go on, come back and leave in any order."""

    places = Bundle("places")

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Key] = []
        self.holding = Holding(LIMITS, self.told.append)
        self.open: list[tuple[Key, Place]] = []
        self.sizes: dict[int, int] = {}

    @rule(target=places, key=st.sampled_from(KEYS))
    def come(self, key: Key) -> Place:
        place = Place(self.holding, key)
        self.open.append((key, place))
        self.sizes[id(place)] = 0
        return place

    @rule(place=places)
    def hold(self, place: Place) -> None:
        before = dict(self.holding.held)
        self.told.clear()
        try:
            place.hold()
        except FullError:
            assert not place.held
            assert dict(self.holding.held) == before
            assert not self.told
        else:
            assert place.held
            assert bool(self.told) == (dict(self.holding.held) != before)

    @rule(place=places)
    def go_on(self, place: Place) -> None:
        place.let_go()
        assert not place.held

    @rule(place=places, size=st.integers(0, 50))
    def grow(self, place: Place, size: int) -> None:
        before = self.holding.held_bytes()
        try:
            place.grow(size)
        except FullError:
            assert self.holding.held_bytes() == before
        else:
            self.sizes[id(place)] += size

    @rule(place=places)
    def shrink(self, place: Place) -> None:
        place.shrink()
        self.sizes[id(place)] = 0

    @rule(place=consumes(places), times=st.integers(1, 3))
    def leave(self, place: Place, times: int) -> None:
        for _ in range(times):
            place.free()
        self.sizes[id(place)] = 0

    @invariant()
    def what_is_counted_is_what_is_there(self) -> None:
        for key in KEYS:
            own = [place for one, place in self.open if one == key]
            assert self.holding.held.get(key, 0) == sum(place.held for place in own)
            assert self.holding.held_bytes(key) == sum(self.sizes[id(place)] for place in own)
            assert self.holding.held_bytes(key) <= LIMITS.bytes_per_model
        assert self.holding.held_bytes() == sum(self.holding.held_bytes(key) for key in KEYS) <= LIMITS.bytes
        assert all(count > 0 for count in self.holding.held.values())

    def teardown(self) -> None:
        for _, place in self.open:
            place.free()
        assert not self.holding.held
        assert self.holding.held_bytes() == 0


TestAccounts: Any = Accounts.TestCase


@given(arrivals=st.lists(st.sampled_from(KEYS), max_size=12))
def test_newcomers_stop_at_the_bounds(arrivals: list[Key]) -> None:
    holding = Holding(LIMITS)
    for key in arrivals:
        room = holding.held.get(key, 0) < LIMITS.requests_per_model and sum(holding.held.values()) < LIMITS.requests
        try:
            Place(holding, key).hold()
        except FullError:
            assert not room
        else:
            assert room


def test_who_was_forwarded_once_is_not_turned_away_when_it_comes_back() -> None:
    holding = Holding(Limits(requests_per_model=1))
    first, second = (Place(holding, KEYS[0]) for _ in range(2))
    first.hold()
    first.let_go()
    second.hold()
    first.hold()
    assert holding.held == {KEYS[0]: 2}
