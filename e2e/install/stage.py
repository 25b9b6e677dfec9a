"""The cluster with its programs, and what was put on it so far."""

from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster import Cluster
from e2e.command import Command
from images.build import ensure

ROOT = Path(__file__).parents[2]
SYSTEM = "modelberth-system"
HUB_URL = "http://hub.modelberth-hub.svc"

CPU_IMAGES = {"vllm": "vLLM", "sglang": "SGLang", "llama-cpp": "LlamaCpp"}
"""Our image of an engine -> the engine's name in the API."""


@dataclass
class Stage:
    """One cluster. ``images`` maps the name of an image that it has to its reference."""

    cluster: Cluster
    kubectl: Command
    helm: Command
    images: dict[str, str] = field(default_factory=dict)

    def image(self, name: str) -> str:
        """The reference of one of our images, built and loaded if the cluster lacks it."""
        if name not in self.images:
            self.images |= ensure([name], self.cluster)
        return self.images[name]


def stage(cluster: Cluster) -> Stage:
    """Brings the cluster up."""
    cluster.up()
    env = {"KUBECONFIG": str(cluster.kubeconfig())}
    return Stage(cluster, Command(str(cluster.tool("kubectl")), env), Command(str(cluster.tool("helm")), env))
