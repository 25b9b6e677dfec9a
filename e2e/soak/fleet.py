"""The ModelDeployments of a soak: most on simulated nodes, a few that run and answer."""

from dataclasses import dataclass, field
from typing import Any

from e2e.resources import small

NAMESPACE = "soak"
PRODUCT = "NVIDIA-H100-80GB-HBM3"
CONTEXTS = (512, 768, 1024)
"""Tokens; what changes of specs choose from."""
REAL = ("real-0", "real-1")
SLEEPER = "sleeper"
PROBE = "model-000"
"""One that is changed after every disturbance: that it follows shows that somebody leads again."""

Raw = dict[str, Any]

_SIMULATED = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}


def simulated(name: str, replicas: int, context: int) -> Raw:
    """llama.cpp on the CPU of a node that is not there."""
    return small(name, replicas=replicas, maxModelLen=context, podTemplate={"spec": _SIMULATED})


def simulated_gpu(name: str, replicas: int, context: int) -> Raw:
    """vLLM on a GPU of a node that is not there."""
    return small(
        name,
        replicas=replicas,
        maxModelLen=context,
        model={"uri": "hf://modelberth/SmolLM2-135M-Instruct-AWQ"},
        engine={"type": "vLLM"},
        device="GPU",
        quantization="awq",
        gpu={"type": PRODUCT},
        resources={},
        podTemplate={"spec": {"nodeSelector": {"type": "kwok"}}},
    )


def sleeper(name: str) -> Raw:
    """A real one that nobody asks: after its first start it has no pod, and its Service leads to the activators."""
    return small(name, autoscaling={"minReplicas": 0, "maxReplicas": 2, "idleBeforeZero": "3s"})


def fleet(size: int) -> list[Raw]:
    """As many resources, in every shape that changes of specs may lead to."""
    made = [*(small(name) for name in REAL), sleeper(SLEEPER)]
    for number in range(size - len(made)):
        kind = simulated_gpu if number % 5 == 4 else simulated
        made.append(kind(f"model-{number:03d}", 1 + number // 5 % 3, CONTEXTS[number % 3]))
    return made


@dataclass
class Wanted:
    """What the API server was told last."""

    specs: dict[str, Raw] = field(default_factory=dict)
    """By name."""

    def resource(self, name: str) -> Raw:
        return {**small(name), "spec": self.specs[name]}

    def names(self) -> list[str]:
        return sorted(self.specs)

    def simulated(self) -> list[str]:
        """Those whose pods are not there; new ones are made like them."""
        return [name for name in self.names() if "podTemplate" in self.specs[name]]


def replicas(spec: Raw) -> int:
    """Pods at rest."""
    return 0 if "autoscaling" in spec else int(spec.get("replicas", 1))


def children(name: str, spec: Raw) -> set[tuple[str, str]]:
    """(kind, name) of what the operator makes, at rest."""
    made = {("Deployment", name), ("Service", name)}
    autoscaling = spec.get("autoscaling", {})
    if spec.get("replicas", 1) > 1 or autoscaling.get("maxReplicas", 1) > 1:
        made.add(("PodDisruptionBudget", name))
    if autoscaling.get("minReplicas") == 0:
        made.add(("EndpointSlice", f"{name}-activator"))
    return made
