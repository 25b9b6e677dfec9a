"""What the operator writes, from the API server's audit log."""

import json
import time
from collections import Counter
from typing import Any

import pytest

from e2e.audit import Audit
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.stage import SYSTEM, Stage
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(900)

AT_REST_S = 60
MANY = 50


def idle(name: str) -> dict[str, Any]:
    """A healthy resource without a pod: fifty engines would not fit this machine."""
    return small(name, replicas=0, model={"uri": "pvc://weights/model.gguf"})


def settle(audit: Audit, platform: Stage) -> None:
    """Returns when no namespace is going any more and the operator has been quiet for 10 s."""
    wait_until("no namespace is going", lambda: "Terminating" not in platform.kubectl("get", "namespaces"), 180)
    quiet_since = time.monotonic()

    def quiet() -> bool:
        nonlocal quiet_since
        if audit.writes():
            quiet_since = time.monotonic()
        return time.monotonic() - quiet_since > 10

    wait_until("the operator is quiet", quiet, 120)


def test_one_resource_costs_its_children_and_two_status_writes(space: Space, audit: Audit) -> None:
    space.platform.image("llama-cpp")
    settle(audit, space.platform)
    apply(space, small("model"))
    space.wait_ready("model", timeout_s=180)
    writes = audit.writes(space.name)
    assert writes == Counter({"patch deployments": 1, "patch services": 1, "patch modeldeployments/status": 2})
    print(f"until Ready: {dict(writes)}")
    settle(audit, space.platform)
    time.sleep(AT_REST_S)
    assert audit.writes() == Counter(), "at rest nothing is written"


def test_a_restart_over_fifty_healthy_resources_writes_nothing(space: Space, audit: Audit, platform: Stage) -> None:
    documents = [idle(f"model-{number}") for number in range(MANY)]
    apply(space, {"apiVersion": "v1", "kind": "List", "items": documents})

    def healthy() -> bool:
        items = space.json("get", "mdep")["items"]
        return len(items) == MANY and all(_ready(item) for item in items)

    wait_until("fifty resources are Ready", healthy, 120)
    settle(audit, space.platform)
    platform.kubectl("-n", SYSTEM, "rollout", "restart", "deployment/modelberth")
    platform.kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelberth", "--timeout=120s")
    wait_until("a new leader listed everything", lambda: _listed(audit), 60)
    time.sleep(20)
    assert audit.writes() == Counter()


def _ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _listed(audit: Audit) -> bool:
    with audit.path.open() as log:
        tail = log.readlines()[-2000:]
    entries = (json.loads(line) for line in tail if line.endswith("\n"))
    return any(
        entry["verb"] == "list" and (entry.get("objectRef") or {}).get("resource") == "modeldeployments"
        for entry in entries
        if entry["user"]["username"] == audit.user
    )
