"""One way to fail, with what is expected of the status."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from e2e.resources import small

Raw = dict[str, Any]
LEAN = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "1Gi"}}
"""For dozens of pods beside each other on a small node: none of them gets to answer."""


@dataclass(frozen=True)
class Exhibit:
    """A ModelDeployment that fails in one way."""

    name: str
    """Of the resource; the reason in other words."""
    reason: str
    resource: Raw
    words: tuple[str, ...]
    """What the message must say."""
    stalled: bool = True
    within_s: float = 120
    """Seconds from ``kubectl apply`` of the whole gallery on a busy node."""
    begins: Callable[[Raw], bool] | None = None
    """Whether the failure is there in this state of the pod; None: when a container ends, waits or gets no node."""


def lean(name: str, *, fetch: Raw | None = None, **spec: Any) -> Raw:
    """The small model with little to ask for; ``fetch`` goes into its fetch container."""
    own = spec.pop("podTemplate", {})
    template = own.get("spec", {})
    if spec.get("model", {}).get("uri", "hf://").startswith("hf://"):
        container = {"name": "fetch", "resources": LEAN, **(fetch or {})}
        template = {**template, "initContainers": [container, *template.get("initContainers", [])]}
    return small(name, **{"resources": LEAN, "podTemplate": {**own, "spec": template}, **spec})


def through(port: int) -> Raw:
    """A fetch container that asks another hub than the operator did, as if through a proxy."""
    return {"env": [{"name": "HTTP_PROXY", "value": f"http://hub.{FAULTY_HUB}.svc:{port}"}]}


FAULTY_HUB = "modelberth-faulty-hub"
BREAKS_OFF, TOO_LARGE, OTHER_BYTES, NOBODY = 8081, 8082, 8083, 8084
"""Ports of it, by what is wrong there; nobody listens at the last one."""


def engine(**fields: Any) -> Raw:
    """podTemplate with fields of the engine container."""
    return {"spec": {"containers": [{"name": "engine", **fields}]}}


def program(key: str) -> Raw:
    """podTemplate with a shell script (a key of the ConfigMap ``programs``) in the place of llama-server."""
    mount = {"name": "programs", "mountPath": "/app/llama-server", "subPath": key, "readOnly": True}
    volume = {"name": "programs", "configMap": {"name": "programs", "defaultMode": 0o755}}
    return {"spec": {"containers": [{"name": "engine", "volumeMounts": [mount]}], "volumes": [volume]}}
