"""Questions to the hub: one for many, answers that expire, retries, waking."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from modelberth.ports.hub import HubProblem
from modelberth.reconcile.lookups import FRESH_S, PARALLEL, RETRY_S, Lookups, Question
from tests.fakes.clock import VirtualLoop
from tests.fakes.hub import COMMIT, FakeHub, not_found, unreachable

PLAIN = Question("acme/model", None)
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


async def test_files_are_read_where_they_are_needed_and_once_per_commit(lookups: Lookups, hub: FakeHub) -> None:
    hub.configs["acme/model"] = {"num_hidden_layers": 2}
    needed = Question("acme/model", None, engine="vLLM")
    lookups.ask(needed, A)
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    answer, plain = lookups.ask(needed, A), lookups.ask(PLAIN, A)
    assert answer is not None
    assert plain is not None
    assert answer.files.config == {"num_hidden_layers": 2}
    assert plain.files.config is None
    await asyncio.sleep(FRESH_S)
    lookups.ask(needed, A)
    await asyncio.sleep(1)
    assert lookups.ask(needed, A) == answer
    assert lookups.ask(Question("acme/model", COMMIT, engine="vLLM"), A) == answer  # without asking anybody
    assert len(hub.asked) == 3
    assert hub.read == [("acme/model", COMMIT, None)]


async def test_a_commit_whose_files_cannot_be_read_is_an_answer_and_is_asked_again(
    lookups: Lookups, hub: FakeHub, woken: Woken
) -> None:
    hub.unread = HubProblem("HubUnreachable", "The hub does not answer.", transient=True)
    needed = Question("acme/model", None, engine="vLLM")
    lookups.ask(needed, A)
    await asyncio.sleep(1)
    answer = lookups.ask(needed, A)
    assert answer is not None
    assert (answer.commit, answer.problem, answer.unread) == (COMMIT, None, hub.unread)
    assert answer.retry_s == RETRY_S[0]
    hub.unread = None
    await asyncio.sleep(RETRY_S[0])
    assert lookups.ask(needed, A) is answer
    await asyncio.sleep(1)
    answer = lookups.ask(needed, A)
    assert answer is not None
    assert answer.unread is None


async def test_what_was_read_is_remembered_without_waiting(lookups: Lookups, hub: FakeHub) -> None:
    hub.configs["acme/model"] = {"num_hidden_layers": 2}
    question = Question("acme/model", None, engine="vLLM")
    assert lookups.remembered(question) is None
    await asyncio.sleep(1)
    files = lookups.remembered(question)
    assert files is not None
    assert files.config == {"num_hidden_layers": 2}
    hub.problem = unreachable()
    await asyncio.sleep(10 * FRESH_S)
    assert lookups.remembered(question) == files
    assert len(hub.asked) == 1


async def test_only_so_many_questions_at_once(lookups: Lookups, hub: FakeHub, woken: Woken) -> None:
    hub_takes(10)
    for index in range(PARALLEL * 2):
        lookups.ask(Question(f"acme/{index}", None), A)
    await asyncio.sleep(11)
    assert len(hub.asked) == PARALLEL
    await asyncio.sleep(10)
    assert len(hub.asked) == PARALLEL * 2


async def test_answers_of_the_past_are_not_kept(lookups: Lookups) -> None:
    for index in range(100):
        lookups.ask(Question(f"acme/{index}", None), A)
        await asyncio.sleep(FRESH_S / 10)
    assert len(lookups._entries) < 15


async def test_nobody_is_woken_after_the_end(lookups: Lookups, woken: Woken) -> None:
    hub_takes(5)
    lookups.ask(PLAIN, A)
    await asyncio.sleep(1)
    await lookups.close()
    await asyncio.sleep(30)
    assert woken == []
