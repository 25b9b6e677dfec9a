"""The real KEDA scales a ModelDeployment of autoscaling type External."""

from typing import Any

import pytest

from e2e.audit import Audit
from e2e.command import CommandError, wait_until
from e2e.conftest import Space
from e2e.external.example import apply, example
from e2e.external.program import Manifest
from e2e.external.replicas import HAND_ON, of_operator, writes
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import running

# The first time their programs are built: ten minutes on two cores.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("scalers")]

NEW_YEAR, NEW_YEARS_EVE = "0 0 1 1 *", "59 23 31 12 *"
"""From the one to the other it is day, but for a minute: a cron trigger that a test can turn."""


def ready(space: Space, name: str) -> int:
    """Engine pods that answer."""
    count: int = space.json("get", "mdep", name)["status"].get("readyReplicas", 0)
    return count


def test_keda_scales_by_what_the_engines_say(space: Space, client: Client, audit: Audit) -> None:
    space.platform.image("llama-cpp")
    model, scaler = example(space, "keda")
    scaler["spec"]["maxReplicaCount"] = 3
    scaler["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"][
        "stabilizationWindowSeconds"
    ] = 0
    apply(space, model)
    url = space.wait_ready("keda", timeout_s=180)["url"]
    audit.entries()
    apply(space, scaler)
    few = Load([url], "keda", gaps_s=(0.5, 1.0))
    many = Load([url], "keda", concurrency=6, max_tokens=32)
    with running(client, few) as trickle:
        with running(client, many) as load:
            wait_until("three pods answer", lambda: ready(space, "keda") == 3, 120)
            loaded = load.results()
        wait_until("one pod is left", lambda: replicas(space, "keda") == [1, 1], 120)
        spared = trickle.results()
    print(f"under load: {loaded.told()}\nall along: {spared.told()}")
    assert not loaded.failures + spared.failures
    found = writes(audit.entries(), space.name)
    print(f"writes: {dict(found)}")
    asked = sum(number for (_, what, _), number in found.items() if what == "modeldeployments/scale")
    operator = of_operator(found)
    assert set(operator) == {("deployments", HAND_ON)}, "the operator writes no spec and no scale"
    # Two numbers in quick succession may be handed on as one.
    assert 2 <= operator["deployments", HAND_ON] <= asked


def test_zero_is_kedas_affair(space: Space, client: Client) -> None:
    space.platform.image("llama-cpp")
    model, scaler = example(space, "keda-zero")
    scaler["spec"]["cooldownPeriod"] = 1
    apply(space, model)
    url = space.wait_ready("keda-zero", timeout_s=180)["url"]
    apply(space, at(scaler, day=False))
    assert space.wait_reason("keda-zero", "ScaledToZero", 90)["status"] == "True"
    assert replicas(space, "keda-zero") == [0, 0]
    assert [managers(item) for item in space.json("get", "endpointslices")["items"]] == [
        "endpointslice-controller.k8s.io"
    ]
    wait_until("nobody answers", lambda: refused(client, f"{url}/models"), 60)
    apply(space, at(scaler, day=True))
    space.wait_reason("keda-zero", "Serving", 90)
    assert replicas(space, "keda-zero") == [1, 1]
    assert client.ask(url, "keda-zero", "What is the capital of France?")


def refused(client: Client, url: str) -> bool:
    """A pod on its way out answers for a moment; then nothing is behind the Service, and nobody holds requests."""
    try:
        client.request(url)
    except CommandError as error:
        return "Connection refused" in str(error)
    return False


def at(scaler: Manifest, day: bool) -> Manifest:
    """The scaler with its clock turned."""
    (cron,) = (trigger for trigger in scaler["spec"]["triggers"] if trigger["type"] == "cron")
    start, end = (NEW_YEAR, NEW_YEARS_EVE) if day else (NEW_YEARS_EVE, NEW_YEAR)
    cron["metadata"] |= {"start": start, "end": end}
    return scaler


def managers(slice_: dict[str, Any]) -> str:
    manager: str = slice_["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
    return manager


def replicas(space: Space, name: str) -> list[int]:
    """Wanted of the ModelDeployment and of its Deployment."""
    return [space.json("get", kind, name)["spec"]["replicas"] for kind in ("mdep", "deployment")]
