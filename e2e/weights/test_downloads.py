"""A download is seen while it runs, costs few writes, and goes on where a pod that was deleted stopped."""

import re
from datetime import datetime
from itertools import pairwise

import pytest

from e2e.audit import Audit, counted
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.resources import apply, small
from e2e.weights.disk import Disk
from e2e.weights.hub import SlowHub
from e2e.weights.models import SIZE, cached, is_complete, story, weights

pytestmark = pytest.mark.timeout(300)

APART_S = 4.8
"""Least seconds between two writes of a download: five, less the clocks' grain."""


def test_a_download_is_seen_and_written_every_five_seconds(space: Space, hub: SlowHub, audit: Audit) -> None:
    apply(space, small("model", podTemplate=hub.pod_template))
    told = story(space, "model", is_complete)
    status = space.wait_ready("model", timeout_s=60)
    seen = [moment for moment in told if moment.phase == "Downloading"]
    assert len(seen) >= 2, told
    done = [moment.weights["downloadedBytes"] for moment in seen]
    assert done == sorted(set(done))
    assert 0 < done[0] < done[-1] <= SIZE
    for moment in seen:
        assert moment.weights["totalBytes"] == SIZE
        assert 1e6 < moment.weights["bytesPerSecond"] < 2e7
        assert 0 <= moment.weights["etaSeconds"] < 60
    assert status["weights"]["phase"] == "Complete"
    assert status["weights"]["totalBytes"] == SIZE
    assert space.condition("model", "WeightsReady")["status"] == "True"

    entries = audit.entries()
    written = [at for at in status_writes(entries, space.name) if seen[0].seconds - 1 < at < seen[-1].seconds + 1]
    apart = [later - earlier for earlier, later in pairwise(written)]
    assert all(seconds >= APART_S for seconds in apart), apart
    log = space.kubectl("logs", "deployment/model", "-c", "fetch")
    lines = re.findall(r"^[0-9.]+ MiB of 93.8 MiB \([0-9]+ %\), [0-9.]+ MB/s, .* left$", log, re.MULTILINE)
    assert len(lines) >= 10, log
    print(f"{len(seen)} times Downloading, {apart=}, writes: {dict(counted(entries, space.name))}")


def status_writes(entries: list[dict[str, object]], namespace: str) -> list[float]:
    """When the operator wrote a status, as Unix time."""
    times = []
    for entry in entries:
        target = entry.get("objectRef")
        if isinstance(target, dict) and (target.get("namespace"), target.get("subresource")) == (namespace, "status"):
            times.append(datetime.fromisoformat(str(entry["requestReceivedTimestamp"])).timestamp())
    return sorted(times)


def test_a_pod_deleted_in_the_middle_is_no_lost_download(space: Space, hub: SlowHub, disk: Disk) -> None:
    folder = disk.claim(space, "models")
    before = len(hub.downloads())
    apply(space, cached("model", "models", podTemplate=hub.pod_template))
    wait_until("a third is there", lambda: weights(space, "model").get("downloadedBytes", 0) > SIZE / 3, 60)
    space.kubectl("delete", "pod", "-l", "modelberth.dev/modeldeployment=model", "--grace-period=0", "--force")
    space.wait_ready("model", timeout_s=120)
    answers = hub.downloads()[before:]
    assert [answer.status for answer in answers] == [200, 206]
    assert answers[1].first > SIZE / 4
    assert sum(answer.sent for answer in answers) < 1.3 * SIZE
    assert len(disk.files(folder)) == 1
    print(f"sent {sum(answer.sent for answer in answers) / SIZE:.2f} of the size in {len(answers)} answers")
