"""What tests do with plans: read them from a status, follow their advice, compare them with what engines report."""

import copy
import re
from typing import Any

import yaml

from e2e.command import wait_until
from e2e.conftest import Space

SHAPES = "hf://modelberth/{}-shape"
"""Models without weights: a plan is all that there can be."""
PRIVATE = "hf://modelberth/SmolLM2-135M-Instruct-GGUF-private"
TOKEN = "hf_e2e_reader"
"""Opens the private repository (e2e/hub/hub.yaml)."""


def on_gpu(name: str, shape: str, **spec: Any) -> dict[str, Any]:
    """vLLM serving a shape on L4 GPUs, which no node here has to have; keyword arguments replace fields of the spec."""
    return {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"uri": SHAPES.format(shape)},
            "engine": {"type": "vLLM"},
            "gpu": {"type": "NVIDIA-L4"},
            "maxModelLen": 8192,
            **spec,
        },
    }


def warned(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource of somebody who knows better than the planner."""
    metadata = resource["metadata"] | {"annotations": {"modelberth.dev/plan-policy": "Warn"}}
    return resource | {"metadata": metadata}


def follow(resource: dict[str, Any], change: str) -> dict[str, Any]:
    """The resource after a change in the words of an advice: "kvCacheDtype: fp8 and parallelism.tensor: 8"."""
    changed = copy.deepcopy(resource)
    for step in re.sub(r" \([^)]*\)", "", change).split(" and "):
        path, _, value = step.partition(": ")
        *parents, last = path.split(".")
        part = changed["spec"]
        for name in parents:
            part = part.setdefault(name, {})
        part[last] = yaml.safe_load(value)
    return changed


def wait_planned(space: Space, name: str, status: str, timeout_s: float = 30) -> dict[str, Any]:
    """The status of the resource once Planned has this status for its newest generation."""

    def look() -> dict[str, Any] | None:
        resource = space.json("get", f"modeldeployment/{name}")
        found: dict[str, Any] = resource.get("status", {})
        conditions: list[dict[str, Any]] = found.get("conditions", [])
        planned = next((condition for condition in conditions if condition["type"] == "Planned"), {})
        current = planned.get("observedGeneration") == resource["metadata"]["generation"]
        return found if current and planned.get("status") == status else None

    return wait_until(f"{name}: Planned is {status}", look, timeout_s)


def wait_measured(space: Space, name: str) -> dict[str, Any]:
    """The status once the engine was asked: a little after it is ready."""

    def look() -> dict[str, Any] | None:
        status: dict[str, Any] = space.json("get", f"modeldeployment/{name}")["status"]
        return status if "observed" in status else None

    return wait_until(f"{name}: status.observed", look, 30)


def assert_as_planned(status: dict[str, Any], block: int) -> None:
    """The engine holds what was planned, within one block of tokens."""
    plan, observed = status["plan"], status["observed"]
    assert plan["fits"] is True
    assert abs(plan["kvCacheTokens"] - observed["kvCacheTokens"]) <= block, (plan, observed)
    error = 100 * (plan["kvCacheTokens"] - observed["kvCacheTokens"]) / observed["kvCacheTokens"]
    assert abs(observed["planErrorPercent"] - error) <= 0.05
    assert abs(plan["maxConcurrency"] - observed["maxConcurrency"]) <= 0.02 * observed["maxConcurrency"]
    print(f"planned {plan['kvCacheTokens']} tokens, observed {observed['kvCacheTokens']}")
