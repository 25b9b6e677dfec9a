"""What the exhibits need around them: a quota, a webhook that is down, a foreign Service, odd model files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from e2e.conftest import Space
from e2e.failures.odd_models import make_odd_models, remove_odd_models

GPU = "example.com/gpu"
"""An extended resource that the node is given for the time of these tests: a limit of it is placed like any other."""
SCARCE = "example.com/scarce"
"""One that the namespace's quota has none of."""
WEBHOOK = "pods.policy.example.com"

# Quoted from https://github.com/ggml-org/llama.cpp/issues/20431: there is no GPU here that could say it.
GPU_OUT = """\
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144817.04 MiB on device 0: cudaMalloc failed: out of memory
alloc_tensor_range: failed to allocate CUDA0 buffer of size 151851674624
llama_model_load: error loading model: unable to allocate CUDA0 buffer"""
# Quoted from https://github.com/ollama/ollama/issues/7666, whose runner is llama.cpp.
OLD_DRIVER = "ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version"

PROGRAMS = {
    "gpu-out": f"#!/bin/sh\ncat <<'END' >&2\n{GPU_OUT}\nEND\nexit 1\n",
    "old-driver": f"#!/bin/sh\necho '{OLD_DRIVER}' >&2\nexit 1\n",
}


def objects(space: Space) -> list[dict[str, Any]]:
    """Of the namespace, and the webhook for its pods with a label."""
    return [
        _object("v1", "ConfigMap", "programs", data=PROGRAMS),
        _object("v1", "ResourceQuota", "scarce", spec={"hard": {f"requests.{SCARCE}": "0"}}),
        _object("v1", "Service", "taken", spec={"selector": {"app": "somebody-elses"}, "ports": [{"port": 1234}]}),
        _object(
            "v1",
            "PersistentVolumeClaim",
            "pending",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "nobody-provisions-this",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        ),
        _webhook(space),
    ]


@contextmanager
def surroundings(space: Space) -> Iterator[None]:
    """Everything is there inside of it, and what is not the namespace's own is gone afterwards."""
    kubectl = space.platform.kubectl
    make_odd_models(space)
    space.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(space)}))
    _extended_resource(space, "4")
    try:
        yield
    finally:
        kubectl("delete", "validatingwebhookconfiguration", space.name, "--ignore-not-found")
        remove_odd_models(space)
        _extended_resource(space, None)


def _webhook(space: Space) -> dict[str, Any]:
    return _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        space.name,
        webhooks=[
            {
                "name": WEBHOOK,
                "clientConfig": {"service": {"name": "nobody", "namespace": space.name, "path": "/"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}},
                "objectSelector": {"matchLabels": {"example.com/policy": "asked"}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "timeoutSeconds": 2,
                "admissionReviewVersions": ["v1"],
            }
        ],
    )


def _extended_resource(space: Space, amount: str | None) -> None:
    kubectl = space.platform.kubectl
    nodes = kubectl.json("get", "nodes")["items"]
    real = [node["metadata"]["name"] for node in nodes if "kwok.x-k8s.io/node" not in node["metadata"]["annotations"]]
    patch = json.dumps({"status": {"capacity": {GPU: amount}, "allocatable": {GPU: amount}}})
    for name in real:
        kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)


def _object(version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **parts}
