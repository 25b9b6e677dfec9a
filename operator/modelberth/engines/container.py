"""What every engine container may rely on: paths, time to drain, and the environment that all engines share."""

import math
from typing import Any

from modelberth.api.quantity import amount
from modelberth.api.scalars import seconds
from modelberth.api.spec import KeyRef, Spec

HOME = "/home/modelberth"
"""The one writable folder beside /tmp: the root file system is read-only."""
API_KEY_FILE = "/etc/modelberth/api-key"
"""Where the API key is mounted for an engine that reads it from a file."""
DEFAULT_CPU = "1"
"""cpu request where the spec has none: small enough for a laptop, and a share rather than a bound."""

_SHARED = {
    "HOME": HOME,
    # torch and triton name cache folders after the user; a uid without a passwd entry has no name.
    "USER": "modelberth",
    "XDG_CACHE_HOME": f"{HOME}/.cache",
    "XDG_CONFIG_HOME": f"{HOME}/.config",
    "HF_HOME": f"{HOME}/.cache/huggingface",
    # Weights are local by now: the engine asks no hub, and sends nobody statistics.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}

_PYTHON = {
    "TRITON_CACHE_DIR": f"{HOME}/.cache/triton",
    "TORCHINDUCTOR_CACHE_DIR": f"{HOME}/.cache/torchinductor",
    "FLASHINFER_WORKSPACE_BASE": HOME,
    # Tokenizers that used threads warn, and may hang, in the processes that engines fork later.
    "TOKENIZERS_PARALLELISM": "false",
}


def environment(own: dict[str, str], *, python: bool) -> tuple[dict[str, Any], ...]:
    """The shared variables, then the engine's own, as a container lists them."""
    values = {**_SHARED, **(_PYTHON if python else {}), **own}
    return tuple({"name": name, "value": value} for name, value in values.items())


def secret_variable(name: str, secret: KeyRef) -> dict[str, Any]:
    """A variable that the kubelet fills from a Secret: the value is never in the pod's spec."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}


def threads(spec: Spec) -> int:
    """Threads that the container's cpu allows: its limit, else its request, rounded up; at least 1.

    Engines start a thread per core of the node and spin, which the container's share of the cores cannot feed.
    """
    cpu = spec.resources.limits.get("cpu", spec.resources.requests.get("cpu", DEFAULT_CPU))
    return max(1, math.ceil(amount(cpu)))


def drain_limit(spec: Spec) -> int:
    """Seconds that running requests get once their pod has left its Service."""
    return seconds(spec.rollout.drain_timeout)
