"""Builders of ModelDeployments and of objects that are nobody's children."""

from typing import Any

from modelberth.api.meta import API_VERSION, KIND

Raw = dict[str, Any]
NAMESPACE = "team-a"
NAME = "llama"
KEY = (NAMESPACE, NAME)
HF = "hf://acme/model"


def model_deployment(uri: str = HF, name: str = NAME, **spec: Any) -> Raw:
    """vLLM on a GPU unless the spec says otherwise; ``model`` and ``engine`` merge, the rest replaces."""
    model = {"uri": uri, **spec.pop("model", {})}
    engine = {"type": "vLLM", **spec.pop("engine", {})}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {"model": model, "engine": engine, "replicas": 1, **spec},
    }


def private(**spec: Any) -> Raw:
    """Of a repository that only the fetcher has the token for."""
    return model_deployment(model={"secretRef": {"name": "hf-token"}}, **spec)


def foreign(kind: str, name: str = NAME, labels: dict[str, str] | None = None) -> Raw:
    """An object of somebody else. Without our label no watch of ours sees it."""
    spec: Raw = {"selector": {"app": "theirs"}}
    if kind == "Deployment":
        spec = {"replicas": 1, "template": {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}}
    return {"kind": kind, "metadata": {"namespace": NAMESPACE, "name": name, "labels": labels or {}}, "spec": spec}
