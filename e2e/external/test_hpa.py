"""The real HPA scales the Deployment of a model of autoscaling type External."""

from collections import Counter
from typing import Any

import pytest

from e2e.audit import Audit
from e2e.command import wait_until
from e2e.conftest import Space
from e2e.external.example import apply, example
from e2e.external.replicas import HAND_ON, MANAGER, of_operator, owners, writes
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import running

# The first time their programs are built: ten minutes on two cores.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("scalers")]

HPA = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
LENGTH = 768


def deployment(space: Space) -> dict[str, Any]:
    found: dict[str, Any] = space.json("get", "deployment", "hpa-cpu", "--show-managed-fields")
    return found


def test_a_new_spec_does_not_take_the_replicas_back(space: Space, client: Client, audit: Audit) -> None:
    space.platform.image("llama-cpp")
    model, scaler = example(space, "hpa-cpu")
    scaler["spec"]["maxReplicas"] = 2
    apply(space, model)
    url = space.wait_ready("hpa-cpu", timeout_s=180)["url"]
    audit.entries()
    apply(space, scaler)
    with running(client, Load([url], "hpa-cpu", concurrency=4, max_tokens=32)) as load:
        wait_until("two pods answer", lambda: deployment(space)["status"].get("readyReplicas") == 2, 180)
        scaling = writes(audit.entries(), space.name)
        assert [what for who, what, _ in scaling if who == HPA] == ["deployments/scale"]
        assert of_operator(scaling) == Counter(), "the operator takes no part"
        space.kubectl("patch", "mdep", "hpa-cpu", "--type=merge", "-p", f'{{"spec": {{"maxModelLen": {LENGTH}}}}}')
        wanted = set()

        def rolled() -> bool:
            now = deployment(space)
            wanted.add(now["spec"]["replicas"])
            status, args = now["status"], now["spec"]["template"]["spec"]["containers"][0]["args"]
            current = status["observedGeneration"] == now["metadata"]["generation"]
            return current and str(LENGTH) in args and status.get("updatedReplicas") == status.get("readyReplicas") == 2

        wait_until("two pods with the new length answer", rolled, 120)
        results = load.results()
    print(results.told())
    found = writes(audit.entries(), space.name)
    print(f"writes: {dict(found)}")
    assert wanted == {2}
    assert of_operator(found) == Counter({("deployments", MANAGER): 1})
    assert not owners(deployment(space)) & {MANAGER, HAND_ON}
    assert space.json("get", "mdep", "hpa-cpu")["spec"]["replicas"] == 1
    assert not results.failures
