"""Whether a model fits is known before a pod exists, and compared with the engine afterwards."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.audit import Audit, counted
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.stage import SYSTEM, Stage
from e2e.planning.plans import (
    PRIVATE,
    SHAPES,
    TOKEN,
    assert_as_planned,
    follow,
    on_gpu,
    wait_measured,
    wait_planned,
    warned,
)
from e2e.planning.volumes import claim_with_model
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(300)

TOO_LONG = {"maxModelLen": 8192, "maxNumSeqs": 64}
"""Twelve GiB of KV cache for a container that may use one."""


def names(space: Space, kinds: str) -> list[str]:
    return [item["metadata"]["name"] for item in space.json("get", kinds)["items"]]


def assert_refused(space: Space, name: str) -> None:
    """The conditions of a resource that does not fit and has never served."""
    conditions = {kind: space.condition(name, kind) for kind in ("Planned", "Stalled", "Ready", "Reconciling")}
    assert {kind: condition["status"] for kind, condition in conditions.items()} == {
        "Planned": "False",
        "Stalled": "True",
        "Ready": "False",
        "Reconciling": "False",
    }
    assert conditions["Planned"]["reason"] == conditions["Stalled"]["reason"] == "DoesNotFit"


@pytest.mark.parametrize(
    ("shape", "length", "words"), [("Llama-3.1-8B", 131072, "maxModelLen: "), ("Llama-3.1-70B", 8192, "tensor: ")]
)
def test_what_cannot_fit_starts_nothing_and_says_what_would(space: Space, shape: str, length: int, words: str) -> None:
    asked = on_gpu("model", shape, maxModelLen=length)
    apply(space, asked)
    status = wait_planned(space, "model", "False")
    assert_refused(space, "model")
    assert status["plan"]["fits"] is False
    assert names(space, "deployments,pods") == []
    change = next(advice["change"] for advice in status["plan"]["advice"] if words in advice["change"])
    assert status["plan"]["advice"][0]["change"] in space.condition("model", "Stalled")["message"]
    apply(space, follow(asked, change))
    status = wait_planned(space, "model", "True")
    assert status["plan"]["fits"] is True
    assert status["plan"]["maxConcurrency"] >= 1
    wait_until("the Deployment is there", lambda: names(space, "deployments") == ["model"], 20)
    assert space.condition("model", "Stalled")["status"] == "False"
    print(f"{shape}: {change}: {status['plan']['kvCacheTokens']} tokens")


def test_an_expert_overrules_the_plan(space: Space) -> None:
    apply(space, warned(on_gpu("model", "Llama-3.1-70B")))
    status = wait_planned(space, "model", "False")
    assert status["plan"]["fits"] is False
    wait_until("the Deployment is there", lambda: names(space, "deployments") == ["model"], 20)
    assert space.condition("model", "Stalled")["status"] == "False"


def test_without_a_gpu_type_nothing_is_enforced(space: Space) -> None:
    resource = on_gpu("model", "Llama-3.1-70B")
    del resource["spec"]["gpu"]
    apply(space, resource)
    status = wait_planned(space, "model", "Unknown")
    assert "fits" not in status["plan"]
    wait_until("the Deployment is there", lambda: names(space, "deployments") == ["model"], 20)


def engine_pods(space: Space) -> dict[str, int]:
    """Restarts of the engine's container by uid of the pod."""
    pods = space.json("get", "pods", "-l", "modelberth.dev/modeldeployment=model")["items"]
    return {
        pod["metadata"]["uid"]: container["restartCount"]
        for pod in pods
        for container in pod["status"].get("containerStatuses", [])
        if container["name"] == "engine"
    }


def plan_errors(platform: Stage, namespace: str) -> list[str]:
    """Rows of the metric for the namespace, from whichever operator leads."""
    pods = platform.kubectl.json("-n", SYSTEM, "get", "pods", "-l", "app.kubernetes.io/name=modelberth")["items"]
    rows = []
    for pod in pods:
        path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
        rows += platform.kubectl("get", "--raw", path).splitlines()
    return [row for row in rows if row.startswith("modelberth_plan_error_percent{") and f'"{namespace}"' in row]


def test_an_update_that_does_not_fit_leaves_the_older_revision_serving(space: Space) -> None:
    space.platform.image("llama-cpp")
    apply(space, small("model"))
    space.wait_ready("model", timeout_s=120)
    status = wait_measured(space, "model")
    assert_as_planned(status, block=0)
    assert len(plan_errors(space.platform, space.name)) == 1
    before = engine_pods(space)
    apply(space, small("model", **TOO_LONG))
    wait_planned(space, "model", "False")
    stalled, ready = space.condition("model", "Stalled"), space.condition("model", "Ready")
    assert (stalled["status"], stalled["reason"]) == ("True", "DoesNotFit")
    assert (ready["status"], ready["reason"]) == ("True", "DoesNotFit")
    time.sleep(5)
    assert engine_pods(space) == before
    apply(space, small("model"))
    wait_planned(space, "model", "True")
    space.wait_reason("model", "Serving", 30)
    assert engine_pods(space) == before, "back to what was serving all along"
    space.kubectl("delete", "mdep", "model", "--wait")
    wait_until("its row of the metric is gone", lambda: not plan_errors(space.platform, space.name), 30)


def facts_first(audit: Audit, namespace: str) -> bool:
    """Whether the operator made a fact-finding pod, and the Deployment only after it."""
    writes = [
        f"{entry['verb']} {(entry.get('objectRef') or {}).get('resource')}"
        for entry in audit.entries()
        if (entry.get("objectRef") or {}).get("namespace") == namespace and entry["responseStatus"]["code"] < 300
    ]
    found = [write for write in writes if write in ("create pods", "patch pods", "patch deployments")]
    return bool(found) and found[0].endswith(" pods") and found[-1] == "patch deployments"


def assert_read_by_a_pod(space: Space, audit: Audit) -> None:
    status = wait_planned(space, "model", "True", 60)
    assert status["plan"]["fits"] is True
    assert not status["plan"].get("estimated")
    space.wait_ready("model", timeout_s=90)
    assert facts_first(audit, space.name)
    pods = space.json("get", "pods")["items"]
    assert [c["name"] for pod in pods for c in pod["spec"]["containers"]] == ["engine"], "the other pod is gone"


def test_a_private_repository_is_read_before_any_engine_exists(space: Space, audit: Audit) -> None:
    space.platform.image("llama-cpp")
    space.kubectl("create", "secret", "generic", "hub-token", f"--from-literal=HF_TOKEN={TOKEN}")
    apply(space, small("model", model={"uri": PRIVATE, "secretRef": {"name": "hub-token"}}))
    assert_read_by_a_pod(space, audit)


def test_a_model_on_a_volume_is_read_before_any_engine_exists(space: Space, audit: Audit) -> None:
    space.platform.image("llama-cpp")
    with claim_with_model(space) as uri:
        apply(space, small("model", model={"uri": uri}))
        assert_read_by_a_pod(space, audit)
        space.kubectl("delete", "mdep", "model", "--wait")


@pytest.fixture
def hub_down(platform: Stage) -> Iterator[Stage]:
    scale = ("-n", "modelberth-hub", "scale", "deployment/hub")
    platform.kubectl(*scale, "--replicas=0")
    platform.kubectl("-n", "modelberth-hub", "wait", "--for=delete", "pod", "--all", "--timeout=60s")
    yield platform
    platform.kubectl(*scale, "--replicas=1")


def operator_restarts(platform: Stage) -> int:
    pods = platform.kubectl.json("-n", SYSTEM, "get", "pods")["items"]
    return sum(container["restartCount"] for pod in pods for container in pod["status"]["containerStatuses"])


def test_a_hub_that_is_down_is_said_and_asked_again(space: Space, hub_down: Stage) -> None:
    restarts = operator_restarts(hub_down)
    # A revision that no other test names: what the hub said a minute ago is an answer.
    apply(space, on_gpu("model", "Llama-3.1-70B", model={"uri": SHAPES.format("Llama-3.1-70B") + "@main"}))
    ready = space.wait_reason("model", "HubUnreachable", 60)
    assert ready["status"] in ("False", "Unknown")
    assert space.condition("model", "Stalled")["status"] == "False", "an outage ends by itself"
    hub_down.kubectl("-n", "modelberth-hub", "scale", "deployment/hub", "--replicas=1")
    hub_down.kubectl("-n", "modelberth-hub", "rollout", "status", "deployment/hub", "--timeout=60s")
    wait_planned(space, "model", "False", 90)
    assert_refused(space, "model")
    assert operator_restarts(hub_down) == restarts


def test_a_restart_over_plans_and_measured_engines_writes_nothing(space: Space, audit: Audit) -> None:
    platform = space.platform
    platform.image("llama-cpp")
    kept: list[dict[str, Any]] = [
        on_gpu("too-large", "Llama-3.1-70B"),
        warned(on_gpu("overruled", "Llama-3.1-70B")),
        small("model"),
    ]
    for resource in kept:
        apply(space, resource)
    wait_planned(space, "too-large", "False")
    wait_planned(space, "overruled", "False")
    space.wait_ready("model", timeout_s=120)
    wait_measured(space, "model")
    time.sleep(8)  # numbers that change by themselves are written after 5 s
    before = versions(space)
    audit.entries()
    entries: list[dict[str, Any]] = []

    def listed() -> bool:
        entries.extend(audit.entries())
        targets = [entry.get("objectRef") or {} for entry in entries if entry["verb"] == "list"]
        return any(target.get("resource") == "modeldeployments" for target in targets)

    platform.kubectl("-n", SYSTEM, "rollout", "restart", "deployment/modelberth")
    platform.kubectl("-n", SYSTEM, "rollout", "status", "deployment/modelberth", "--timeout=120s")
    wait_until("a new leader listed everything", listed, 60)
    time.sleep(10)
    assert counted(entries + audit.entries(), space.name) == Counter()
    assert versions(space) == before


def versions(space: Space) -> dict[str, str]:
    items = space.json("get", "mdep,deployments")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}
