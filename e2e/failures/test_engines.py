"""vLLM and SGLang say why they end; what decides often stands far above the last lines of their logs."""

import json
from typing import Any

import pytest

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.resources import small

pytestmark = pytest.mark.timeout(600)

ROOM = {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "8Gi"}}
SPEC = {"dtype": "bfloat16", "gpuMemoryUtilization": 0.5}
"""Enough for the plan of either engine on the CPU."""


def serving(name: str, engine: str, *args: str, **spec: Any) -> dict[str, Any]:
    """An engine with arguments of the test's own, on the CPU."""
    model = {"uri": "hf://modelberth/SmolLM2-135M-Instruct"}
    return small(name, model=model, engine={"type": engine, "args": list(args)}, resources=ROOM, **SPEC, **spec)


@pytest.mark.parametrize("engine", ["vLLM", "SGLang"])
def test_an_argument_that_the_engine_does_not_know(space: Space, engine: str) -> None:
    space.platform.image(engine.lower())
    space.kubectl("apply", "-f", "-", stdin=json.dumps(serving("model", engine, "--no-such-flag-at-all")))
    ready = space.wait_reason("model", "EngineArgsRejected", 240)
    assert "--no-such-flag-at-all" in ready["message"]
    assert "spec.engine.args" in ready["message"]
    assert "Traceback" not in ready["message"]
    assert space.condition("model", "Stalled")["status"] == "True"


def test_a_kv_cache_that_holds_no_request(space: Space) -> None:
    """Started against the plan, with a share of the memory that leaves 0.05 GiB: 8192 tokens take 0.18 GiB."""
    space.platform.image("vllm")
    resource = serving("model", "vLLM", maxModelLen=8192, replicas=0)
    resource["metadata"]["annotations"] = {"modelberth.dev/plan-policy": "Warn"}
    space.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
    per = wait_until("a plan", lambda: planned(space), 60)
    used = per["weightsGiB"] + per["activationGiB"] + per["overheadGiB"]
    resource["spec"] |= {"gpuMemoryUtilization": round((used + 0.05) / per["totalGiB"], 4), "replicas": 1}
    space.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
    ready = space.wait_reason("model", "KVCacheTooSmall", 300)
    assert "The plan expected a KV cache of" in ready["message"]
    assert "spec.maxModelLen" in ready["message"]
    print(ready["message"])


def planned(space: Space) -> dict[str, Any] | None:
    """status.plan.perGpu, once there is a plan."""
    status: dict[str, Any] = space.json("get", "modeldeployment/model").get("status", {})
    found: dict[str, Any] | None = status.get("plan", {}).get("perGpu")
    return found
