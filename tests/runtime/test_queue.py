"""The queue: coalescing, one worker per key, bounded parallelism, backoff, timers."""

import asyncio

import pytest

from modelberth.runtime.queue import LAST_BACKOFF_S, PARALLEL, Queue
from modelberth.runtime.store import Key

A, B = ("ns", "a"), ("ns", "b")


class Seen:
    """Metrics, and work that notes when it ran. ``takes`` seconds each; ``again`` is what it returns."""

    def __init__(self) -> None:
        self.takes = 0.0
        self.again: float | None = None
        self.failures = 0
        self.ran: list[tuple[Key, float]] = []
        self.running = self.most = self.waiting = 0
        self.results: list[str] = []
        self.started = asyncio.get_running_loop().time()

    async def work(self, key: Key) -> float | None:
        self.ran.append((key, asyncio.get_running_loop().time() - self.started))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.running -= 1
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no")
        return self.again

    def depth(self, waiting: int) -> None:
        self.waiting = waiting

    def reconciled(self, result: str, seconds: float) -> None:
        self.results.append(result)

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for _, at in self.ran]


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def queue(seen: Seen) -> Queue:
    return Queue(seen.work, seen)


async def test_a_key_that_waits_is_worked_on_once(seen: Seen, queue: Queue) -> None:
    for _ in range(50):
        queue.add(A)
    await asyncio.sleep(1)
    assert len(seen.ran) == 1
    assert seen.waiting == 0


async def test_a_key_that_is_added_during_its_work_runs_once_more_and_never_twice_at_once(
    seen: Seen, queue: Queue
) -> None:
    seen.takes = 10
    queue.add(A)
    await asyncio.sleep(1)
    for _ in range(5):
        queue.add(A)
    await asyncio.sleep(100)
    assert seen.times == [0, 10]
    assert seen.most == 1


async def test_only_so_many_keys_at_once_and_all_of_them_in_the_end(seen: Seen, queue: Queue) -> None:
    seen.takes = 1
    keys = [("ns", str(index)) for index in range(PARALLEL * 3)]
    for key in keys:
        queue.add(key)
    await asyncio.sleep(0.5)
    assert seen.waiting == PARALLEL * 2
    await asyncio.sleep(10)
    assert seen.most == PARALLEL
    assert {key for key, _ in seen.ran} == set(keys)


async def test_a_failure_is_tried_again_with_a_delay_that_doubles(seen: Seen, queue: Queue) -> None:
    seen.failures = 10
    queue.add(A)
    await asyncio.sleep(1000)
    gaps = [round(later - sooner, 3) for sooner, later in zip(seen.times, seen.times[1:], strict=False)]
    assert gaps == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(gaps) == LAST_BACKOFF_S
    assert seen.results == ["error"] * 10 + ["ok"]


async def test_success_forgets_the_backoff(seen: Seen, queue: Queue) -> None:
    seen.failures = 4
    queue.add(A)
    await asyncio.sleep(100)
    seen.failures, before = 1, len(seen.ran)
    queue.add(A)
    await asyncio.sleep(0.6)
    assert len(seen.ran) == before + 2


async def test_the_backoff_of_one_key_is_not_that_of_another(seen: Seen, queue: Queue) -> None:
    seen.failures = 5
    queue.add(A)
    await asyncio.sleep(10)  # A waits for 8 s now
    seen.ran.clear()
    seen.failures = 1
    queue.add(B)
    await asyncio.sleep(0.6)
    assert [key for key, _ in seen.ran] == [B, B]


async def test_work_may_ask_to_look_again(seen: Seen, queue: Queue) -> None:
    seen.again = 30.0
    queue.add(A)
    await asyncio.sleep(95)
    assert seen.times == [0, 30, 60, 90]


async def test_an_event_takes_the_place_of_a_timer(seen: Seen, queue: Queue) -> None:
    seen.again = 30.0
    queue.add(A)
    await asyncio.sleep(10)
    seen.again = None
    queue.add(A)
    await asyncio.sleep(100)
    assert seen.times == [0, 10]


async def test_a_newer_timer_takes_the_place_of_an_older_one(seen: Seen, queue: Queue) -> None:
    queue.add_after(A, 5)
    queue.add_after(A, 20)
    await asyncio.sleep(100)
    assert seen.times == [20]


async def test_a_key_that_waits_already_needs_no_timer(seen: Seen, queue: Queue) -> None:
    queue.add(A)
    queue.add_after(A, 5)
    await asyncio.sleep(100)
    assert seen.times == [0]


async def test_closing_stops_work_timers_and_newcomers(seen: Seen, queue: Queue) -> None:
    seen.takes = 10
    queue.add(A)
    queue.add_after(B, 5)
    await asyncio.sleep(1)
    await queue.close()
    assert seen.running == 0
    queue.add(B)
    queue.add_after(A, 1)
    await asyncio.sleep(100)
    assert len(seen.ran) == 1


async def test_closing_while_keys_wait_for_a_worker_starts_none(seen: Seen, queue: Queue) -> None:
    seen.takes = 10
    for index in range(PARALLEL * 2):
        queue.add(("ns", str(index)))
    await asyncio.sleep(1)
    await queue.close()
    await asyncio.sleep(100)
    assert len(seen.ran) == PARALLEL
