"""Every reason: what the status says, whether a person is needed, and how soon it is said."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from e2e.audit import Audit, counted
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.failures.exhibit import Exhibit
from e2e.failures.exhibits import EXHIBITS
from e2e.failures.faulty_hub import install_faulty_hub, remove_faulty_hub
from e2e.failures.surroundings import surroundings
from e2e.failures.watching import Failures, unix, watched
from e2e.install.client import make_namespace
from e2e.install.stage import Stage

pytestmark = pytest.mark.timeout(600)

SOON_S = 30.0
"""Seconds from a failure to the status that tells it."""
PROGRESS = {"ResolvingModel", "ReadingModel", "Starting", "Downloading", "Scaling"}


@dataclass(frozen=True)
class Gallery:
    """All exhibits in one namespace, applied at once."""

    space: Space
    failures: Failures

    def resource(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.space.json("get", f"modeldeployment/{name}")
        return found

    def told(self, exhibit: Exhibit) -> float | None:
        """When the operator told a failure first, Unix time: of the Event that goes with the change of the status."""
        events = self.space.json("get", "events.events.k8s.io")["items"]
        times = [
            unix(event["eventTime"])
            for event in events
            if (event["regarding"]["kind"], event["regarding"]["name"]) == ("ModelDeployment", exhibit.name)
            and event["reason"] not in PROGRESS
        ]
        return min(times, default=None)

    def restarts(self) -> int:
        """How often the kubelet has started containers again."""
        statuses = [pod["status"] for pod in self.space.json("get", "pods")["items"]]
        kinds = ("initContainerStatuses", "containerStatuses")
        return sum(one["restartCount"] for status in statuses for kind in kinds for one in status.get(kind) or [])

    def failed(self, exhibit: Exhibit) -> float:
        """When it failed, Unix time: the pod's first failure, the refusal of pods, or else the resource itself."""
        if exhibit.name in self.failures.first:
            return self.failures.first[exhibit.name]
        deployments = self.space.json("get", "deployments", "--field-selector", f"metadata.name={exhibit.name}")[
            "items"
        ]
        for condition in (deployments[0].get("status", {}).get("conditions") or []) if deployments else []:
            if condition["type"] == "ReplicaFailure":
                return unix(condition["lastTransitionTime"])
        return unix(self.resource(exhibit.name)["metadata"]["creationTimestamp"])


@pytest.fixture(scope="module")
def gallery(platform: Stage) -> Iterator[Gallery]:
    platform.image("llama-cpp")
    space = Space("e2e-failures-gallery", platform)
    make_namespace(platform, space.name)
    install_faulty_hub(platform)
    begins = {exhibit.name: exhibit.begins for exhibit in EXHIBITS if exhibit.begins}
    try:
        with surroundings(space), watched(space, begins) as failures:
            apply_all(space)
            yield Gallery(space, failures)
    finally:
        platform.kubectl("delete", "namespace", space.name, "--wait=false")
        remove_faulty_hub(platform)


def apply_all(space: Space) -> None:
    items = [exhibit.resource for exhibit in EXHIBITS]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    space.kubectl("apply", "-f", "-", stdin=text.replace('"HUB"', f'"{space.platform.image("hub")}"'))


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.name)
def test_the_status_says_why(gallery: Gallery, exhibit: Exhibit) -> None:
    ready = gallery.space.wait_reason(exhibit.name, exhibit.reason, exhibit.within_s)
    assert ready["status"] in ("False", "Unknown")
    for words in exhibit.words:
        assert words in ready["message"]
    stalled = gallery.space.condition(exhibit.name, "Stalled")
    assert stalled["status"] == str(exhibit.stalled)
    assert re.search(r"[.!?]$", ready["message"]), "a sentence"


def test_within_half_a_minute(gallery: Gallery) -> None:
    """From the first failure to the first status that tells one."""
    late = {}
    for exhibit in EXHIBITS:
        told = wait_until(f"an Event of {exhibit.name}", partial(gallery.told, exhibit), 30)
        seconds = told - gallery.failed(exhibit)
        message = gallery.space.condition(exhibit.name, "Ready")["message"]
        print(f"| {exhibit.reason} | {exhibit.name} | {seconds:.1f} s | {' / '.join(message.splitlines())}")
        if seconds > SOON_S:
            late[exhibit.name] = round(seconds, 1)
    assert not late


def test_nothing_more_is_written_though_they_fail_again_and_again(gallery: Gallery, audit: Audit) -> None:
    # The first words on a failure may be followed by a number that changes with it (replicas, weights).
    time.sleep(10)
    audit.entries()  # what came before does not count
    restarts = gallery.restarts()
    time.sleep(60)
    assert gallery.restarts() > restarts, "no pod failed again meanwhile"
    # What the API server refuses is tried again once a minute, and writes nothing.
    taken = [entry for entry in audit.entries() if entry["responseStatus"]["code"] < 300]
    assert counted(taken, gallery.space.name) == Counter()
