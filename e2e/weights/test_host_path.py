"""A folder of the node as the cache: where the namespace admits it."""

import pytest

from e2e.conftest import Space
from e2e.resources import apply, small
from e2e.weights.disk import Disk
from e2e.weights.models import LEAN

pytestmark = pytest.mark.timeout(180)


def on_node(folder: str) -> dict[str, object]:
    cache = {"type": "HostPath", "hostPath": {"path": folder}}
    return small("model", weights={"cache": cache}, resources=LEAN)


def admit(space: Space, level: str) -> None:
    label = f"pod-security.kubernetes.io/enforce={level}"
    space.platform.kubectl("label", "namespace", space.name, label, "--overwrite")


def test_a_restricted_namespace_refuses_it_and_the_status_says_so(space: Space, disk: Disk) -> None:
    apply(space, on_node(disk.folder()))
    ready = space.wait_reason("model", "PodRejected", 30)
    assert "hostPath" in ready["message"]
    assert space.condition("model", "Stalled")["status"] == "True"


def test_a_privileged_namespace_caches_on_the_node(space: Space, disk: Disk) -> None:
    admit(space, "privileged")
    folder = disk.folder()
    apply(space, on_node(folder))
    assert space.wait_ready("model", timeout_s=60)["weights"]["phase"] == "Complete"
    assert len(disk.files(folder)) == 1


def test_a_folder_that_the_pod_may_not_write_says_whose_it_must_be(space: Space, disk: Disk) -> None:
    admit(space, "privileged")
    apply(space, on_node(disk.folder(mode="0755")))
    ready = space.wait_reason("model", "DownloadFailed", 60)
    assert "10001" in ready["message"]
