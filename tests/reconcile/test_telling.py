"""The status write: retries, what rides along, and the Events beside it."""

from collections import Counter
from typing import Any

import pytest

from modelberth.api.meta import KIND
from modelberth.reconcile.events import MAX_NOTE, events_of
from modelberth.reconcile.reconciler import SETTLE_S
from tests.fakes.cluster import Cluster
from tests.fakes.resources import KEY, model_deployment

STATUS = f"{KIND}/status"


@pytest.mark.parametrize("code", [0, 409, 429, 500, 503])
async def test_a_status_that_could_not_be_written_is_tried_again(cluster: Cluster, code: int) -> None:
    cluster.kube.refuse("apply", STATUS, code, times=3)
    await cluster.create(model_deployment())
    assert cluster.status == {}
    await cluster.settle(0.5 + 1 + 2 + 1)
    assert cluster.state() == ("Unknown", "Starting")
    assert cluster.kube.writes["apply", STATUS] == 4
    assert cluster.kube.writes["apply", "Deployment"] == 1
    await cluster.serve()
    assert len(cluster.kube.events) == 1


@pytest.mark.parametrize("code", [0, 401, 404, 409, 429, 500])
async def test_a_child_that_could_not_be_written_is_tried_again(cluster: Cluster, code: int) -> None:
    cluster.kube.refuse("apply", "Service", code, times=2)
    await cluster.create(model_deployment())
    assert cluster.status == {}
    await cluster.settle(5)
    assert cluster.state("Stalled")[0] == "False"
    assert cluster.kube.writes["apply", "Service"] == 3
    assert cluster.kube.writes["apply", "Deployment"] == 1


async def test_an_api_server_that_is_away_is_asked_less_and_less(cluster: Cluster) -> None:
    cluster.kube.refuse("get", "Service", 0, times=-1)
    await cluster.create(model_deployment("pvc://models"))
    await cluster.settle(3600)
    assert 55 < cluster.kube.reads["Service"] < 75


async def test_the_resource_goes_before_its_status_is_written(cluster: Cluster) -> None:
    cluster.hold()
    await cluster.create(model_deployment())
    told, cluster.held = cluster.held or [], None
    for kind, event, raw in told:
        cluster.operator.watch.seen(kind, event, raw)
    del cluster.kube.objects[KIND, *KEY]
    await cluster.settle(600)
    assert cluster.kube.writes["apply", STATUS] == 1
    assert not cluster.kube.events


async def test_a_spec_that_changes_while_the_status_is_written_is_seen(cluster: Cluster) -> None:
    """The answer to the status write brings the new spec, so what the watch tells of it is no news."""
    await cluster.serving(model_deployment())
    cluster.workload().count(ready=0)
    apply = cluster.kube.apply

    async def just_then(manifest: dict[str, Any], subresource: str = "", manager: str = "") -> dict[str, Any]:
        if subresource and cluster.resource()["metadata"]["generation"] == 1:
            cluster.kube.edit(KIND, *KEY, lambda raw: raw["spec"].update(maxModelLen=4096))
        return await apply(manifest, subresource, manager)

    cluster.kube.apply = just_then  # type: ignore[method-assign]
    await cluster.settle()
    assert "4096" in str(cluster.deployment["spec"]["template"])
    assert cluster.status["observedGeneration"] == 2


async def test_a_transition_is_one_event(cluster: Cluster) -> None:
    await cluster.serving(model_deployment(replicas=2))
    cluster.workload().count(ready=0)
    await cluster.settle(60)
    assert [(event["type"], event["reason"]) for event in cluster.kube.events] == [("Warning", "Starting")]
    event = cluster.kube.events[0]
    assert event["regarding"]["uid"] == cluster.resource()["metadata"]["uid"]
    assert event["metadata"]["namespace"] == event["regarding"]["namespace"] == KEY[0]
    assert event["note"]
    cluster.workload().count(ready=2)
    await cluster.settle(60)
    assert [event["reason"] for event in cluster.kube.events] == ["Starting", "Serving"]


async def test_an_event_that_is_refused_harms_nothing(cluster: Cluster) -> None:
    cluster.kube.refuse("create", "Event", 403, "the namespace is being terminated", times=-1)
    await cluster.create(model_deployment())
    await cluster.serve()
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.kube.writes["apply", STATUS] == 2


async def test_counters_wait_for_company(cluster: Cluster) -> None:
    await cluster.create(model_deployment(replicas=10))
    cluster.workload().start()
    cluster.workload().count(ready=1)
    await cluster.settle()
    cluster.kube.forget_writes()
    for ready in range(2, 10):
        cluster.workload().count(ready=ready)
        await cluster.settle(0.5)
    assert cluster.kube.writes == Counter()
    await cluster.settle(SETTLE_S)
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})
    assert cluster.status["readyReplicas"] == 9
    cluster.workload().count(ready=10)
    await cluster.settle()
    assert cluster.state() == ("True", "Serving")
    assert cluster.status["readyReplicas"] == 10


async def test_counters_that_return_to_what_was_told_are_not_told(cluster: Cluster) -> None:
    await cluster.create(model_deployment(replicas=3))
    cluster.workload().start()
    cluster.workload().count(ready=1)
    await cluster.settle(60)
    cluster.kube.forget_writes()
    cluster.workload().count(ready=2)
    await cluster.settle(1)
    cluster.workload().count(ready=1)
    await cluster.settle(60)
    assert cluster.kube.writes == Counter()


async def test_last_transition_time_moves_with_the_status_alone(cluster: Cluster) -> None:
    await cluster.create(model_deployment())
    started = cluster.condition("Reconciling")["lastTransitionTime"]
    await cluster.settle(100)
    await cluster.change(maxModelLen=4096)
    assert cluster.condition("Reconciling")["lastTransitionTime"] == started
    assert cluster.condition("Reconciling")["observedGeneration"] == 2
    await cluster.serve()
    assert cluster.condition("Reconciling")["lastTransitionTime"] != started


async def test_a_status_that_somebody_wiped_is_written_again(cluster: Cluster) -> None:
    await cluster.serving(model_deployment())
    cluster.kube.edit(KIND, *KEY, lambda raw: raw.pop("status"))
    await cluster.settle(60)
    assert cluster.state() == ("True", "Serving")
    assert cluster.kube.writes == Counter({("apply", STATUS): 1})


def test_a_note_is_cut_by_bytes_and_stays_text() -> None:
    resource = {"metadata": {"namespace": "a", "name": "b", "uid": "c"}}
    ready = {"type": "Ready", "status": "False", "reason": "X", "message": "ä" * 2000}
    (event,) = events_of(resource, {}, {"conditions": [ready]}, "now", "operator-0")
    assert len(event["note"].encode()) <= MAX_NOTE
    assert set(event["note"]) == {"ä"}


def test_events_of_one_moment_have_names_of_their_own() -> None:
    resource = {"metadata": {"namespace": "a", "name": "b", "uid": "c"}}
    ready = {"type": "Ready", "status": "False", "reason": "X", "message": ""}
    events = [events_of(resource, {}, {"conditions": [ready]}, "now", "operator-0")[0] for _ in range(50)]
    assert len({event["metadata"]["name"] for event in events}) == 50
    assert all(event["note"] for event in events)
