"""Pods and Deployments as the API server lists them, with what `modelberth cache` reads of them."""

from typing import Any

Raw = dict[str, Any]
COMMIT = "a" * 40
ENTRY = f"org--m--{COMMIT}--model"
FETCH_ARGS = ["fetch", "hf://org/m", "--to", "/models", "--engine", "vLLM", "--progress-port", "9401"]
FETCH_ARGS += ["--cache", "/cache", "--revision", COMMIT]
CLAIM = {"persistentVolumeClaim": {"claimName": "weights"}}
IMAGE = "registry.example/modelberth:1"


def _spec(
    arguments: list[str] | None = FETCH_ARGS, volume: Raw = CLAIM, as_init: bool = True, node: str | None = None
) -> Raw:
    fetch = [{"name": "fetch", "image": IMAGE, "args": arguments}] if arguments is not None else []
    engine = [{"name": "engine", "image": "engine"}]
    spec: Raw = {"containers": engine if as_init else fetch, "volumes": [{"name": "tmp", "emptyDir": {}}]}
    spec["volumes"].append({"name": "cache", **volume})
    spec["imagePullSecrets"] = [{"name": "registry"}]
    if as_init:
        spec["initContainers"] = fetch
    if node:
        spec["nodeName"] = node
    return spec


def pod(name: str, phase: str = "Running", labels: Raw | None = None, **spec: Any) -> Raw:
    metadata: Raw = {"namespace": "models", "name": name, "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "spec": _spec(**spec), "status": {"phase": phase}}


def deployment(name: str, replicas: int = 1, **spec: Any) -> Raw:
    template = {"metadata": {}, "spec": _spec(**spec)}
    metadata: Raw = {"namespace": "models", "name": name}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas, "template": template}}
