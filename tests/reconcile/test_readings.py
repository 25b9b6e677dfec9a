"""Questions to engines: once per start, a few tries, waking, bounds; and whose numbers count."""

import asyncio
import copy
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import Spec
from modelberth.engines.capacity import Capacity
from modelberth.ports.engine_metrics import PARALLEL
from modelberth.reconcile.judged import Judge
from modelberth.reconcile.measured import observed_of, recorded
from modelberth.reconcile.observed import Observed
from modelberth.reconcile.readings import RETRY_S, Reading, Readings
from modelberth.reconcile.running import Question, carried, question_of
from tests.fakes.cluster import Cluster
from tests.fakes.engine_metrics import FakeEngineMetrics, vllm_says
from tests.fakes.pods import ADDRESS, STARTED, answering, fetched, loading, status
from tests.fakes.resources import KEY, NAME, NAMESPACE, model_deployment

A, B = ("ns", "a"), ("ns", "b")
SPEC = Spec.model_validate(model_deployment()["spec"])
CAPACITY = Capacity(69_888, 34.125)


def question(pod: str = "uid-1", started: str = STARTED, address: str = ADDRESS) -> Question:
    return Question(pod, started, address, "/metrics", SPEC)


class Bench:
    """Readings with everything they touch."""

    def __init__(self) -> None:
        self.engines = FakeEngineMetrics(vllm_says(69_888, 34.125))
        self.woken: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.readings = Readings(self.engines, self.woken.append, lambda result: self.counts.update([result]))


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_start_is_asked_once_and_wakes_once(bench: Bench) -> None:
    bench.engines.seconds = 0.5
    assert [bench.readings.ask(question(), A) for _ in range(3)] == [None, None, None]
    await asyncio.sleep(1)
    assert bench.readings.ask(question(), A) == Reading(CAPACITY)
    await asyncio.sleep(10_000)
    assert bench.readings.ask(question(), A) == Reading(CAPACITY)
    assert bench.engines.asked == [f"{ADDRESS}:8000/metrics"]
    assert bench.woken == [A]
    assert bench.counts == {"read": 1}


async def test_another_start_or_pod_is_asked_anew(bench: Bench) -> None:
    for asked in (question(), question(started="2026-01-01T01:00:00Z"), question(pod="uid-2")):
        assert bench.readings.ask(asked, A) is None
        await asyncio.sleep(1)
        assert bench.readings.ask(asked, A) == Reading(CAPACITY)
    assert len(bench.engines.asked) == 3


async def test_metrics_that_come_later_than_readiness(bench: Bench) -> None:
    bench.engines.text = "# nothing yet\n"
    bench.readings.ask(question(), A)
    await asyncio.sleep(RETRY_S[0] / 2)
    assert bench.readings.ask(question(), A) == Reading(None)
    bench.engines.text = vllm_says(4096)
    await asyncio.sleep(RETRY_S[0])
    assert bench.readings.ask(question(), A) == Reading(Capacity(4096, 2.0))
    assert bench.woken == [A, A]


async def test_an_engine_that_cannot_be_reached_is_given_up_quietly(bench: Bench) -> None:
    bench.engines.text = None
    bench.readings.ask(question(), A)
    await asyncio.sleep(sum(RETRY_S) + 1)
    assert bench.readings.ask(question(), A) == Reading(None)
    await asyncio.sleep(10_000)
    assert len(bench.engines.asked) == len(RETRY_S) + 1
    assert bench.woken == [A], "the first failure is told, the others are no news"
    assert bench.counts == {"failed": len(RETRY_S) + 1, "given_up": 1}


async def test_an_error_that_nobody_expected_is_a_failed_try(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(address: str, port: int, path: str) -> str:
        raise RuntimeError("boom")

    monkeypatch.setattr(bench.engines, "read", read)
    bench.readings.ask(question(), A)
    await asyncio.sleep(1)
    assert bench.readings.ask(question(), A) == Reading(None)


async def test_only_so_many_at_once_and_a_waiting_retry_holds_no_place(bench: Bench) -> None:
    bench.engines.seconds, bench.engines.text = 1.5, None
    for number in range(PARALLEL * 3):
        bench.readings.ask(question(), ("ns", f"m-{number}"))
    await asyncio.sleep(1)
    assert bench.engines.open == PARALLEL
    await asyncio.sleep(1.5)
    assert len(bench.engines.asked) == PARALLEL * 2


async def test_who_is_gone_is_asked_no_more(bench: Bench) -> None:
    bench.engines.text = None
    bench.readings.ask(question(), A)
    bench.readings.ask(question(), B)
    await asyncio.sleep(1)
    bench.readings.forget(A)
    bench.readings.forget(("ns", "unknown"))
    bench.readings.ask(question(pod="uid-2", address="10.1.0.8"), B)
    await asyncio.sleep(10_000)
    assert Counter(bench.engines.asked) == {f"{ADDRESS}:8000/metrics": 2, "10.1.0.8:8000/metrics": len(RETRY_S) + 1}


async def test_nobody_is_woken_after_the_end(bench: Bench) -> None:
    bench.engines.seconds = 5
    bench.readings.ask(question(), A)
    await asyncio.sleep(1)
    await bench.readings.close()
    await asyncio.sleep(30)
    assert bench.woken == []


# --- whom to ask ---


def look(cluster: Cluster, **changes: Any) -> Observed:
    """What the operator sees of the resource; ``changes`` replace parts of its status."""
    resource = copy.deepcopy(cluster.kube.objects["ModelDeployment", *KEY])
    resource["status"] = {**resource.get("status", {}), **changes}
    workload = cluster.workload()
    pods = [pod for pod in workload.pods if not pod["metadata"].get("deletionTimestamp")]
    return Observed(resource, {"Deployment": workload.deployment}, pods)


def asked(cluster: Cluster, **spec: Any) -> Question | None:
    md = Judge().parse(model_deployment(**spec) | {"metadata": META}, cluster.settings)
    assert isinstance(md, ModelDeployment), md
    return question_of(md, look(cluster))


META = {"namespace": NAMESPACE, "name": NAME, "uid": "uid-md"}


async def test_the_first_pod_by_name_that_answers(cluster: Cluster) -> None:
    await cluster.create(model_deployment(replicas=3))
    workload = cluster.workload()
    workload.start()
    assert asked(cluster) is None
    workload.set(status(fetched(), loading()))
    workload.set(status(fetched(), answering(), podIP="10.1.0.2"), 1)
    workload.set(status(fetched(), answering(), podIP="10.1.0.3"), 2)
    workload.count(ready=2)
    second = sorted(workload.pods, key=lambda pod: str(pod["metadata"]["name"]))[1]
    assert asked(cluster) == Question(second["metadata"]["uid"], STARTED, "10.1.0.2", "/metrics", SPEC)
    found = asked(cluster)
    assert found is not None
    assert (found.address, found.path) == ("10.1.0.2", "/metrics")


async def test_nobody_while_an_older_revision_is_there(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    assert asked(cluster) is not None
    cluster.workload().count(ready=1, updatedReplicas=0)
    assert asked(cluster) is None


async def test_nobody_where_a_key_would_be_needed(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    key = {"apiKeySecretRef": {"name": "keys", "key": "api-key"}}
    assert asked(cluster, **key) is not None
    assert asked(cluster, engine={"type": "LlamaCpp"}) is not None
    assert asked(cluster, engine={"type": "LlamaCpp"}, **key) is None


# --- what the status says ---


async def test_what_was_observed_stays_while_its_pods_answer(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    record = observed_of(CAPACITY, 70_000)
    assert carried(look(cluster)) is None
    assert carried(look(cluster, observed=record)) == Capacity(69_888, 34.12)
    cluster.workload().count(ready=0)
    assert carried(look(cluster, observed=record)) is None
    cluster.workload().count(ready=1, updatedReplicas=0)
    assert carried(look(cluster, observed=record)) is None


@pytest.mark.parametrize(
    ("planned", "observed", "error"),
    [
        (100, 100, 0.0),
        (110, 100, 10.0),
        (90, 100, -10.0),
        (0, 100, -100.0),
        (69_900, 69_888, 0.0),
        (69_860, 69_888, 0.0),
    ],
)
def test_the_error_of_the_plan(planned: int, observed: int, error: float) -> None:
    record = observed_of(Capacity(observed, None), planned)
    assert record == {"kvCacheTokens": observed, "planErrorPercent": error}
    assert str(record["planErrorPercent"]) == str(error), "no negative zero"


def test_without_a_plan_there_is_no_error() -> None:
    assert observed_of(CAPACITY, None) == {"kvCacheTokens": 69_888, "maxConcurrency": 34.12}


@given(st.integers(1, 2**53), st.none() | st.floats(0.001, 1e9), st.none() | st.integers(0, 2**53))
def test_what_is_carried_over_gives_the_same_record(
    tokens: int, concurrency: float | None, plan_tokens: int | None
) -> None:
    record = observed_of(Capacity(tokens, concurrency), plan_tokens)
    again = recorded({"observed": record})
    assert again is not None
    assert observed_of(again, plan_tokens) == record


@pytest.mark.parametrize("observed", [{}, {"observed": None}, {"observed": {}}, {"observed": {"kvCacheTokens": 0}}])
def test_a_status_that_records_nothing(observed: dict[str, Any]) -> None:
    assert recorded(observed) is None
