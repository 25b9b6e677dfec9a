"""When the engine may end, on a virtual clock."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.engines.llama_cpp import LlamaCpp
from modelberth.relay.drain import GAUGES, IDLE_LOOKS, LOOK_EVERY_S, Clock, Times, drain, idle
from modelberth.relay.wire import Answer

from .fake_engine import BUSY, IDLE

TIMES = Times(pause=5, limit=60)


class Looks:
    """A virtual clock and an engine on it, and when that was looked at."""

    def __init__(self, *answers: bytes, clients: tuple[int | None, ...] = ()) -> None:
        self.now = 100.0
        self.seen: list[float] = []
        self._answers: Iterator[bytes] = iter(answers)
        self._clients: Iterator[int | None] = iter(clients)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def metrics(self) -> Answer:
        self.seen.append(self.now - 100)
        return Answer(200, next(self._answers, IDLE))

    def connections(self) -> int | None:
        return next(self._clients, 0)

    def drain(self) -> bool:
        return drain(self, TIMES, Clock(lambda: self.now, self.sleep))


def test_an_idle_engine_is_waited_for_as_long_as_new_requests_may_come() -> None:
    looks = Looks()
    assert looks.drain()
    assert looks.seen == [5, 5.5]


def test_one_idle_look_is_not_enough() -> None:
    looks = Looks(BUSY, IDLE, BUSY, IDLE, IDLE)
    assert looks.drain()
    assert len(looks.seen) == 5


def test_a_client_that_is_connected_may_send_its_next_request() -> None:
    looks = Looks(clients=(2, 1, 0, 1, 0, 0))
    assert looks.drain()
    assert len(looks.seen) == 6


def test_a_client_that_never_goes_is_left_at_an_idle_moment_of_the_second_half() -> None:
    looks = Looks(*[BUSY] * 70, clients=(1,) * 999)
    assert looks.drain()
    assert looks.seen[-1] == TIMES.pause + 70 * LOOK_EVERY_S + LOOK_EVERY_S
    looks = Looks(clients=(1,) * 999)
    assert looks.drain()
    assert looks.seen[-1] == TIMES.pause + TIMES.limit / 2 + LOOK_EVERY_S


def test_where_the_kernel_does_not_tell_of_clients_the_engine_alone_is_looked_at() -> None:
    looks = Looks(BUSY, clients=(None,) * 9)
    assert looks.drain()
    assert len(looks.seen) == 3


@given(st.lists(st.sampled_from((IDLE, BUSY)), max_size=400))
def test_it_ends_at_two_idle_looks_or_at_the_limit(answers: list[bytes]) -> None:
    looks = Looks(*answers)
    found = looks.drain()
    given_ = [*answers, *[IDLE] * IDLE_LOOKS][: len(looks.seen)]
    assert found == (given_[-IDLE_LOOKS:] == [IDLE] * IDLE_LOOKS)
    assert looks.seen[-1] <= TIMES.pause + TIMES.limit
    assert found or looks.seen[-1] + LOOK_EVERY_S > TIMES.pause + TIMES.limit


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(200, IDLE), True),
        (Answer(200, BUSY), False),
        (Answer(200, IDLE.replace(b"deferred 0", b"deferred 1")), False),
        (Answer(200, IDLE.replace(b"processing 0", b"processing 0.0")), True),
        (Answer(200, IDLE.replace(b"llamacpp:requests_deferred 0", b"")), False),
        (Answer(200, IDLE.replace(b"deferred 0", b"deferred nan")), False),
        (Answer(200, b""), False),
        (Answer(200, b"\xff \xff\n0 0\n"), False),
        (Answer(502, IDLE), False),
        (Answer(503, b"the engine loads its model\n"), True),
        (None, True),
    ],
)
def test_what_is_not_said_may_be_busy(answer: Answer | None, found: bool) -> None:
    assert idle(answer) is found


def test_the_gauges_are_those_of_the_engine() -> None:
    # The relay imports nothing of the operator, so it has names of its own.
    load = LlamaCpp().load("".join(f"{name.decode()} {value}\n" for name, value in zip(GAUGES, (3, 4), strict=True)))
    assert load is not None
    assert (load.running, load.waiting) == (3, 4)
