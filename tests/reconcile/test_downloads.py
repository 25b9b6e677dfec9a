"""Questions to fetchers: who is asked, how often, who speaks for all, and what is news."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.manifests.names import FETCH
from modelberth.ports.fetch_progress import Progress
from modelberth.reconcile.downloads import ASKED, FIRST_S, POLL_S, Downloads, leading, rounded, running
from modelberth.reconcile.observed import Observed
from tests.fakes.fetchers import FakeFetchers, downloading
from tests.fakes.pods import container, fetched, loading, status

Raw = dict[str, Any]
A, B = ("ns", "a"), ("ns", "b")


def fetching(uid: str, address: str, started: str = "2026-01-01T00:00:00Z") -> Raw:
    found = status(container(FETCH, state={"running": {"startedAt": started}}), podIP=address)
    return {"metadata": {"uid": uid}, "status": found}


def seen(*pods: Raw) -> Observed:
    """As of a resource without a Deployment: labels of revisions are no matter here."""
    return Observed({"metadata": {"uid": "uid-md"}}, {}, list(pods))


ONE, TWO = fetching("1", "10.0.0.1"), fetching("2", "10.0.0.2")
DONE = {"metadata": {"uid": "1"}, "status": status(fetched(), loading(), podIP="10.0.0.1")}


class Bench:
    """Downloads with everything they touch."""

    def __init__(self) -> None:
        self.fetchers = FakeFetchers()
        self.woken: list[tuple[str, str]] = []
        self.downloads = Downloads(self.fetchers, self.woken.append)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_fetcher_is_asked_every_five_seconds_and_news_wake(bench: Bench) -> None:
    assert bench.downloads.ask(A, seen(ONE)) is None
    for done in (100, 200, 300):
        bench.fetchers.progress["10.0.0.1"] = downloading(done)
        await asyncio.sleep(FIRST_S if done == 100 else POLL_S)
        await asyncio.sleep(0.1)
        assert bench.downloads.ask(A, seen(ONE)) == downloading(done)
    assert bench.fetchers.asked == ["10.0.0.1"] * 3
    assert bench.woken == [A] * 3


async def test_a_stalled_download_is_no_news(bench: Bench) -> None:
    bench.fetchers.progress["10.0.0.1"] = downloading(100, speed=0)
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(600)
    assert bench.woken == [A]
    assert len(bench.fetchers.asked) == 120


async def test_a_fetcher_that_cannot_be_reached_wakes_nobody(bench: Bench) -> None:
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(60)
    assert bench.downloads.ask(A, seen(ONE)) is None
    assert bench.woken == []


async def test_one_silent_moment_is_no_news(bench: Bench) -> None:
    bench.fetchers.progress["10.0.0.1"] = downloading(100)
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(FIRST_S + 1)
    bench.fetchers.progress.clear()
    await asyncio.sleep(POLL_S)
    assert bench.downloads.ask(A, seen(ONE)) == downloading(100)
    assert bench.woken == [A]


async def test_an_error_that_nobody_expected_ends_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(address: str) -> Progress:
        raise RuntimeError("boom")

    with monkeypatch.context() as patched:
        patched.setattr(bench.fetchers, "read", broken)
        bench.downloads.ask(A, seen(ONE))
        await asyncio.sleep(FIRST_S + 1)
    bench.fetchers.progress["10.0.0.1"] = downloading(100)
    await asyncio.sleep(POLL_S)
    assert bench.downloads.ask(A, seen(ONE)) == downloading(100)


async def test_only_while_a_fetcher_runs(bench: Bench) -> None:
    bench.fetchers.progress["10.0.0.1"] = downloading(100)
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(FIRST_S + 1)
    assert bench.downloads.ask(A, seen(DONE)) is None
    asked = len(bench.fetchers.asked)
    await asyncio.sleep(600)
    assert len(bench.fetchers.asked) == asked


async def test_what_a_pod_said_goes_with_it(bench: Bench) -> None:
    bench.fetchers.progress["10.0.0.1"] = downloading(900)
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(FIRST_S + 1)
    assert bench.downloads.ask(A, seen(TWO)) is None
    bench.fetchers.progress["10.0.0.2"] = downloading(10)
    await asyncio.sleep(POLL_S)
    assert bench.downloads.ask(A, seen(TWO)) == downloading(10)
    assert bench.fetchers.asked == ["10.0.0.1", "10.0.0.2"]


async def test_an_answer_that_comes_after_its_pod_is_gone_counts_no_more(bench: Bench) -> None:
    bench.fetchers.progress["10.0.0.1"] = downloading(900)
    bench.fetchers.seconds = 1
    bench.downloads.ask(A, seen(ONE))
    await asyncio.sleep(FIRST_S + 0.5)
    bench.downloads.ask(A, seen(TWO))
    await asyncio.sleep(1)
    assert bench.downloads.ask(A, seen(TWO)) is None


async def test_who_is_gone_is_asked_no_more_and_nobody_after_the_end(bench: Bench) -> None:
    bench.fetchers.progress = {"10.0.0.1": downloading(1), "10.0.0.2": downloading(2)}
    bench.downloads.ask(A, seen(ONE))
    bench.downloads.ask(B, seen(TWO))
    bench.downloads.forget(A)
    bench.downloads.forget(("ns", "unknown"))
    await asyncio.sleep(FIRST_S + 1)
    assert (bench.fetchers.asked, bench.woken) == (["10.0.0.2"], [B])
    await bench.downloads.close()
    await asyncio.sleep(60)
    assert bench.fetchers.asked == ["10.0.0.2"]


def test_those_that_fetch_the_longest_are_asked() -> None:
    pods = [fetching(f"{n:02}", f"10.0.0.{n}", f"2026-01-01T00:00:{59 - n:02}Z") for n in range(40)]
    assert set(running(pods)) == {f"{n:02}" for n in range(40 - ASKED, 40)}


def test_a_pod_without_an_address_or_with_another_container_is_not_asked() -> None:
    nowhere = fetching("3", "")
    assert running([nowhere, DONE, {"metadata": {"uid": "4"}}, {"metadata": {"uid": "5"}, "status": {}}]) == {}


WAITS, ASKS, THERE = Progress("Waiting", 5, 9), Progress("Pending"), Progress("Complete", 9, 9)


@pytest.mark.parametrize(
    ("said", "speaks"),
    [
        ([], None),
        ([WAITS, WAITS], WAITS),
        ([WAITS, ASKS], ASKS),
        ([WAITS, downloading(1), downloading(7)], downloading(7)),
        ([downloading(7), THERE], downloading(7)),
        ([WAITS, THERE], THERE),
        ([downloading(7), Progress("Verifying", 9, 9)], Progress("Verifying", 9, 9)),
    ],
)
def test_one_speaks_for_all(said: list[Progress], speaks: Progress | None) -> None:
    assert leading(said) == leading(reversed(said)) == speaks


@pytest.mark.parametrize(("number", "told"), [(0, 0), (9, 9), (99, 99), (104, 100), (105, 110), (999, 1000)])
def test_two_digits(number: int, told: int) -> None:
    assert rounded(Progress("Downloading", 1, 2, number, number)) == Progress("Downloading", 1, 2, told, told)


@given(st.integers(0, 2**53), st.none() | st.integers(0, 2**53))
def test_rounding_is_within_five_percent_and_keeps_what_is_counted(speed: int, left: int | None) -> None:
    found = rounded(Progress("Downloading", 3, 7, speed, left))
    assert (found.bytes, found.total, found.phase) == (3, 7, "Downloading")
    assert abs(found.bytes_per_second - speed) <= 0.05 * speed
    assert (found.eta_seconds is None) is (left is None)
    assert rounded(found) == found
