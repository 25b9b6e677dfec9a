"""Questions to the hub: one for many, answers that expire, retries, waking."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from modelberth.reconcile.lookups import FRESH_S, PARALLEL, RETRY_S, Lookups, Question
from tests.fakes.clock import VirtualLoop
from tests.fakes.hub import COMMIT, FakeHub, not_found, unreachable

PLAIN = Question("acme/model", None, config=False)
A, B = ("ns", "a"), ("ns", "b")
Woken = list[tuple[str, str]]


@pytest.fixture
async def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
async def woken() -> Woken:
    return []


@pytest.fixture
async def lookups(hub: FakeHub, woken: Woken) -> Lookups:
    return Lookups(hub, woken.append)


def hub_takes(seconds: float) -> None:
    cast(VirtualLoop, asyncio.get_running_loop()).thread_s = seconds


async def test_one_question_for_many_and_each_is_woken_once(lookups: Lookups, hub: FakeHub, woken: Woken) -> None:
    hub_takes(2)
    assert [lookups.ask(PLAIN, key) for key in (A, B, A)] == [None, None, None]
    await asyncio.sleep(3)
    assert hub.asked == [("acme/model", None)]
    assert sorted(woken) == [A, B]
    answer = lookups.ask(PLAIN, A)
    assert answer is not None
    assert answer.commit == COMMIT


async def test_an_answer_expires(lookups: Lookups, hub: FakeHub, woken: Woken) -> None:
    lookups.ask(PLAIN, A)
    await asyncio.sleep(FRESH_S - 1)
    assert lookups.ask(PLAIN, A) is not None
    assert len(hub.asked) == 1
    await asyncio.sleep(2)
    assert lookups.ask(PLAIN, A) is None
    await asyncio.sleep(1)
    assert len(hub.asked) == 2
    assert woken == [A, A]


@pytest.mark.parametrize("problem", [not_found, unreachable])
async def test_a_problem_stays_the_answer_while_it_is_asked_again(
    lookups: Lookups, hub: FakeHub, problem: Callable[[], Exception]
) -> None:
    hub.problem = problem()
    hub_takes(1)
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1.5)
    delays = []
    for _ in range(6):
        answer = lookups.ask(PLAIN, A)
        assert answer is not None
        assert answer.problem is hub.problem
        delays.append(answer.retry_s)
        await asyncio.sleep(answer.retry_s)
        assert lookups.ask(PLAIN, A) is answer  # the last one, while the next is fetched
        await asyncio.sleep(1.5)
    assert delays == [*RETRY_S, RETRY_S[-1], RETRY_S[-1]]
    assert len(hub.asked) == 7


async def test_success_forgets_the_failures(lookups: Lookups, hub: FakeHub) -> None:
    hub.problem = unreachable()
    lookups.ask(PLAIN, A)
    await asyncio.sleep(RETRY_S[0] + 1)
    hub.problem = None
    lookups.ask(PLAIN, A)
    await asyncio.sleep(FRESH_S + 1)
    hub.problem = unreachable()
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    answer = lookups.ask(PLAIN, A)
    assert answer is not None
    assert answer.retry_s == RETRY_S[0]


async def test_an_error_that_nobody_expected_is_a_transient_problem(lookups: Lookups, hub: FakeHub) -> None:
    hub.problem = KeyError("boom")
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    answer = lookups.ask(PLAIN, A)
    assert answer is not None
    assert answer.problem is not None
    assert answer.problem.transient
    assert "boom" in answer.problem.message


async def test_the_config_is_read_where_it_is_needed(lookups: Lookups, hub: FakeHub) -> None:
    hub.configs["acme/model"] = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    needed = Question("acme/model", None, config=True)
    lookups.ask(needed, A)
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    answer, plain = lookups.ask(needed, A), lookups.ask(PLAIN, A)
    assert answer is not None
    assert plain is not None
    assert answer.kv_bytes_per_token == 2 * 2 * 4 * 16 * 2
    assert plain.kv_bytes_per_token is None


async def test_only_so_many_questions_at_once(lookups: Lookups, hub: FakeHub, woken: Woken) -> None:
    hub_takes(10)
    for index in range(PARALLEL * 2):
        lookups.ask(Question(f"acme/{index}", None, config=False), A)
    await asyncio.sleep(11)
    assert len(hub.asked) == PARALLEL
    await asyncio.sleep(10)
    assert len(hub.asked) == PARALLEL * 2


async def test_answers_of_the_past_are_not_kept(lookups: Lookups) -> None:
    for index in range(100):
        lookups.ask(Question(f"acme/{index}", None, config=False), A)
        await asyncio.sleep(FRESH_S / 10)
    assert len(lookups._entries) < 15


async def test_nobody_is_woken_after_the_end(lookups: Lookups, woken: Woken) -> None:
    hub_takes(5)
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    await lookups.close()
    await asyncio.sleep(30)
    assert woken == []
