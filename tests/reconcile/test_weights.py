"""Where the weights are, from what the kubelet and the fetchers say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import FETCH, REVISION
from modelberth.manifests.settings import Settings
from modelberth.ports.fetch_progress import Progress
from modelberth.reconcile.judged import Judge
from modelberth.reconcile.observed import Observed
from modelberth.reconcile.weights import weights_status
from tests.fakes.fetchers import downloading
from tests.fakes.pods import answering, container, ended, fetched, loading, status, unschedulable, waiting
from tests.fakes.resources import NAME, NAMESPACE, model_deployment

Raw = dict[str, Any]
NEW, OLD = "new", "old"
INITIALIZING = waiting("PodInitializing")
FETCHING = container(FETCH, state={"running": {}})
AGAIN = container(FETCH, state={"running": {}}, lastState=ended("", 137, "Error"))
BACK_OFF = container(FETCH, state=waiting("CrashLoopBackOff"), lastState=ended())
FAILED = container(FETCH, state=ended())
COMPLETE = {"phase": "Complete", "totalBytes": 9}
SCHEDULED = [{"type": "PodScheduled", "status": "True"}]


def pod(*containers: Raw, revision: str = NEW, **more: Any) -> Raw:
    return {"metadata": {"name": "p", "labels": {REVISION: revision}}, "status": status(*containers, **more)}


def model(uri: str = "hf://acme/tiny") -> ModelDeployment:
    meta = {"namespace": NAMESPACE, "name": NAME, "uid": "uid-md"}
    found = Judge().parse(model_deployment(model={"uri": uri}) | {"metadata": meta}, Settings())
    assert isinstance(found, ModelDeployment), found
    return found


def seen(*pods: Raw, prefetch: Raw | None = None) -> Observed:
    template = {"metadata": {"labels": {REVISION: NEW}}}
    owner = [{"uid": "uid-md", "controller": True}]
    workload = {"metadata": {"ownerReferences": owner}, "spec": {"template": template}}
    resource = {"metadata": {"uid": "uid-md"}}
    return Observed(resource, {"Deployment": workload}, list(pods), None, prefetch)


def told(*pods: Raw, progress: Progress | None = None, uri: str = "hf://acme/tiny") -> Raw:
    return weights_status(model(uri), seen(*pods), progress)


@pytest.mark.parametrize(
    ("pods", "phase"),
    [
        ([], "Pending"),
        ([{"metadata": {"name": "p", "labels": {REVISION: NEW}}}], "Pending"),
        ([pod(container(FETCH, state=INITIALIZING), phase="Pending")], "Pending"),
        ([pod(FETCHING)], "Pending"),
        ([pod(FAILED)], "Failed"),
        ([pod(BACK_OFF)], "Failed"),
        # It runs again: nothing is better until it says so.
        ([pod(AGAIN)], "Failed"),
        ([pod(BACK_OFF), pod(FETCHING)], "Failed"),
        ([pod(FETCHING), pod(fetched(), loading())], "Complete"),
        ([pod(FAILED), pod(fetched(), loading())], "Complete"),
        # Of an older revision, or ended by its node.
        ([pod(fetched(), answering(), revision=OLD), pod(FETCHING)], "Pending"),
        ([pod(fetched(), phase="Failed")], "Pending"),
    ],
)
def test_what_pods_alone_tell(pods: list[Raw], phase: str) -> None:
    assert told(*pods)["phase"] == phase


def test_complete_says_how_much_there_is() -> None:
    assert told(pod(fetched(), answering())) == COMPLETE
    assert told(pod(container(FETCH, state=ended("no report", 0)))) == {"phase": "Complete"}
    assert told(pod(container(FETCH, state=ended(json.dumps({"bytes": "9"}), 0)))) == {"phase": "Complete"}


def test_a_download_is_told_in_bytes() -> None:
    assert told(pod(FETCHING), progress=downloading(100)) == {
        "phase": "Downloading",
        "downloadedBytes": 100,
        "totalBytes": 1000,
        "bytesPerSecond": 10,
        "etaSeconds": 90,
    }


def test_a_stalled_download_has_no_time_left() -> None:
    found = told(pod(FETCHING), progress=downloading(100, speed=0))
    assert (found["bytesPerSecond"], "etaSeconds" in found) == (0, False)


def test_what_is_verified_has_no_speed() -> None:
    found = told(pod(FETCHING), progress=Progress("Verifying", 1000, 1000, 7, None))
    assert found == {"phase": "Verifying", "downloadedBytes": 1000, "totalBytes": 1000}


@pytest.mark.parametrize(
    ("pods", "phase", "expected"),
    [
        # New pods of a scale-up fetch for themselves while an older one has its weights.
        ([pod(fetched(), answering()), pod(FETCHING)], "Downloading", "Downloading"),
        ([pod(fetched(), answering()), pod(FETCHING)], "Waiting", "Complete"),
        ([pod(fetched(), answering()), pod(FETCHING)], "Pending", "Complete"),
        # It was killed, and goes on.
        ([pod(AGAIN)], "Downloading", "Downloading"),
        ([pod(AGAIN)], "Waiting", "Waiting"),
        ([pod(AGAIN)], "Pending", "Failed"),
        ([pod(BACK_OFF), pod(FETCHING)], "Downloading", "Downloading"),
        ([pod(BACK_OFF), pod(FETCHING)], "Waiting", "Failed"),
        ([pod(FETCHING)], "Complete", "Complete"),
        ([pod(FETCHING)], "Verifying", "Verifying"),
    ],
)
def test_what_fetchers_say_beside_it(pods: list[Raw], phase: Any, expected: str) -> None:
    assert told(*pods, progress=Progress(phase, 5, 10))["phase"] == expected


def test_who_waits_tells_how_far_the_other_pod_is() -> None:
    waits = Progress("Waiting", 400, 1000, 50, 12)
    assert told(pod(FETCHING), progress=waits) == {
        "phase": "Waiting",
        "downloadedBytes": 400,
        "totalBytes": 1000,
        "bytesPerSecond": 50,
        "etaSeconds": 12,
    }
    assert told(pod(FETCHING), progress=Progress("Waiting")) == {"phase": "Waiting"}


def test_the_prefetching_pod_speaks_while_there_are_no_others() -> None:
    report = json.dumps({"bytes": 9})
    done = {"metadata": {"name": "x"}, "status": status(phase="Succeeded")}
    done["status"]["containerStatuses"] = [container(FETCH, state=ended(report, 0, "Completed"))]
    assert weights_status(model(), seen(prefetch=done), None) == COMPLETE
    done["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert weights_status(model(), seen(prefetch=done), None) == {"phase": "Pending"}


IMAGE = "oci://example.com/m:1"


@pytest.mark.parametrize(
    ("pods", "phase"),
    [
        ([], "Pending"),
        ([{"metadata": {"labels": {REVISION: NEW}}, "status": unschedulable("no node")}], "Pending"),
        ([pod(container(state=waiting("ContainerCreating")), phase="Pending", conditions=SCHEDULED)], "Pulling"),
        ([pod(container(state=INITIALIZING), phase="Pending", conditions=SCHEDULED)], "Pulling"),
        (
            [pod(container(state=waiting("ErrImagePull", "example.com/m:1: not found")), conditions=SCHEDULED)],
            "Failed",
        ),
        ([pod(container(state=waiting("ErrImagePull", "example.com/engine:2")), conditions=SCHEDULED)], "Pulling"),
        ([pod(loading(), conditions=SCHEDULED)], "Complete"),
        ([pod(container(state=waiting("CrashLoopBackOff"), lastState=ended()), conditions=SCHEDULED)], "Complete"),
    ],
)
def test_an_image_volume(pods: list[Raw], phase: str) -> None:
    assert told(*pods, uri=IMAGE) == {"phase": phase}


def test_a_claim_with_a_model_has_nothing_to_tell_but_that_it_is_mounted() -> None:
    creating = pod(container(state=waiting("ContainerCreating")), conditions=SCHEDULED)
    assert told(creating, uri="pvc://models/llama") == {"phase": "Pending"}
    assert told(pod(loading()), uri="pvc://models/llama") == {"phase": "Complete"}


STATES = st.sampled_from((FETCHING, AGAIN, BACK_OFF, FAILED, fetched(), container(FETCH, state=INITIALIZING)))
PROGRESS = st.none() | st.builds(
    Progress,
    st.sampled_from(("Pending", "Waiting", "Downloading", "Verifying", "Complete")),
    st.integers(0, 9),
    st.integers(9, 99),
    st.integers(0, 9),
    st.none() | st.integers(0, 9),
)


@given(st.lists(STATES.map(pod), max_size=4), PROGRESS)
def test_bytes_are_told_only_where_they_mean_something(pods: list[Raw], progress: Progress | None) -> None:
    found = told(*pods, progress=progress)
    allowed = {
        "Waiting": {"downloadedBytes", "totalBytes", "bytesPerSecond", "etaSeconds"},
        "Downloading": {"downloadedBytes", "totalBytes", "bytesPerSecond", "etaSeconds"},
        "Verifying": {"downloadedBytes", "totalBytes"},
        "Complete": {"totalBytes"},
    }
    assert set(found) - {"phase"} <= allowed.get(found["phase"], set())
    assert found == told(*reversed(pods), progress=progress), "the order of the pods does not matter"
