"""One download for all pods that share a cache, and starts without the hub."""

import pytest

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.resources import apply
from e2e.weights.disk import CLASS, Disk
from e2e.weights.hub import SlowHub
from e2e.weights.models import SIZE, cached, is_complete, story, weights

pytestmark = pytest.mark.timeout(300)

MANY = 8


def pods(space: Space, name: str) -> list[dict[str, object]]:
    items: list[dict[str, object]] = space.json("get", "pods", "-l", f"modelberth.dev/modeldeployment={name}")["items"]
    return items


def test_eight_pods_are_one_download_and_start_again_without_the_hub(space: Space, hub: SlowHub, disk: Disk) -> None:
    folder = disk.claim(space, "models")
    before = len(hub.downloads())
    apply(space, cached("model", "models", replicas=MANY, podTemplate=hub.pod_template))
    told = story(space, "model", is_complete)
    assert "Downloading" in {moment.phase for moment in told}
    space.kubectl("wait", "mdep/model", f"--for=jsonpath={{.status.readyReplicas}}={MANY}", "--timeout=120s")
    (download,) = hub.downloads()[before:]
    assert (download.status, download.sent) == (200, SIZE)
    assert len(disk.files(folder)) == 1

    hub.down()
    # A restart of the pods, and another model of the same weights: both find them in the cache.
    space.kubectl("scale", "mdep", "model", "--replicas=0")
    wait_until("the pods are gone", lambda: not pods(space, "model"), 60)
    space.kubectl("scale", "mdep", "model", "--replicas=1")
    apply(space, cached("other", "models", podTemplate=hub.pod_template))
    for name in ("model", "other"):
        assert space.wait_ready(name, timeout_s=60)["weights"]["phase"] == "Complete"
    assert len(disk.files(folder)) == 1


def test_what_is_not_cached_waits_for_the_hub(space: Space, hub: SlowHub, disk: Disk) -> None:
    disk.claim(space, "models")
    hub.down()
    apply(space, cached("model", "models", podTemplate=hub.pod_template))
    ready = space.wait_reason("model", "HubUnreachable", 90)
    assert ready["status"] == "False"
    assert weights(space, "model")["phase"] == "Failed"
    # An outage ends by itself: nobody is told to do something.
    assert space.condition("model", "Stalled")["status"] == "False"
    hub.up()
    assert space.wait_ready("model", timeout_s=120)["weights"]["phase"] == "Complete"


def test_a_claim_is_made_filled_ahead_and_deleted_with_its_model(space: Space, hub: SlowHub, disk: Disk) -> None:
    folder = disk.volume_for(space, "model-weights")
    own = {"size": "500Mi", "storageClassName": CLASS}
    cache = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": own}
    hub.down()  # engine pods have no other: whatever they serve was prefetched
    spec = {"weights": {"cache": cache, "prefetch": True}, "podTemplate": hub.pod_template}
    apply(space, cached("model", "", replicas=0, **spec))
    assert story(space, "model", is_complete)[-1].weights["totalBytes"] == SIZE
    assert space.condition("model", "WeightsReady")["status"] == "True"
    assert len(disk.files(folder)) == 1
    claim = space.json("get", "persistentvolumeclaim", "model-weights")
    assert claim["metadata"]["ownerReferences"][0]["name"] == "model"
    names = [pod["metadata"]["name"] for pod in space.json("get", "pods")["items"]]
    assert names == ["model-prefetch"]

    space.kubectl("scale", "mdep", "model", "--replicas=1")
    space.wait_ready("model", timeout_s=60)
    wait_until("the prefetching pod is gone", lambda: len(space.json("get", "pods")["items"]) == 1, 30)
    space.kubectl("delete", "mdep", "model", "--wait")
    space.kubectl("wait", "pvc/model-weights", "--for=delete", "--timeout=60s")
