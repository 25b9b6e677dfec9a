"""ModelDeployments that tests apply: the quick engine with the small model."""

import json
from typing import Any

from e2e.conftest import Space

GGUF = "hf://modelberth/SmolLM2-135M-Instruct-GGUF"


def small(name: str, **spec: Any) -> dict[str, Any]:
    """llama.cpp serving SmolLM2 on the CPU; keyword arguments replace fields of the spec."""
    return {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"uri": GGUF},
            "engine": {"type": "LlamaCpp", "args": ["--threads", "1"]},
            "device": "CPU",
            "maxModelLen": 512,
            "maxNumSeqs": 1,
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
            **spec,
        },
    }


def apply(space: Space, resource: dict[str, Any]) -> None:
    space.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
