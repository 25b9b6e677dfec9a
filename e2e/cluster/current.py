"""The current way: the cluster that KUBECONFIG names, used only when asked for by name and never changed by us."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.api import Kubectl, node_ready
from e2e.cluster.binaries import Binaries
from e2e.cluster.interface import ClusterError, Status
from e2e.cluster.paths import Paths, paths
from e2e.cluster.progress import say


class CurrentCluster:
    way = "current"

    def __init__(self, where: Paths | None = None) -> None:
        self.where = where or paths()
        self.binaries = Binaries(self.where)

    def up(self) -> None:
        """Only a look: nothing is installed into a cluster that is somebody's."""
        nodes = self._kubectl().nodes()
        if not any(map(node_ready, nodes)):
            raise ClusterError("no node of the current cluster is Ready.\nWay out: kubectl get nodes")
        say(f"using the current cluster ({self.kubeconfig()}), {len(nodes)} nodes")

    def down(self, *, purge: bool = False) -> None:
        say("the current cluster is not ours: left as it is")

    def load(self, images: Sequence[str]) -> None:
        names = " ".join(images)
        raise ClusterError(
            f"images cannot be put into the nodes of the current cluster: {names}\n"
            "Way out: push them to a registry that it pulls from, and name them there"
        )

    def has_image(self, reference: str) -> bool:
        """Nodes report images too, but only the 50 largest: good enough to skip work, not to prove absence."""
        images = (i for node in self._kubectl().nodes() for i in node.get("status", {}).get("images", []))
        return any(reference in image.get("names", []) for image in images)

    def kubeconfig(self) -> Path:
        """The first file of KUBECONFIG, or kubectl's default."""
        first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
        return Path(first) if first else Path.home() / ".kube" / "config"

    def audit_log(self) -> Path | None:
        return None

    def tool(self, name: str) -> Path:
        found = shutil.which(name)
        return Path(found) if found else self.binaries.tool(name)

    def status(self) -> Status:
        facts = {"kubeconfig": str(self.kubeconfig())}
        try:
            nodes = self._kubectl().nodes()
        except ClusterError as error:
            return Status(False, {**facts, "error": str(error).splitlines()[-1]})
        facts["nodes"] = f"{sum(map(node_ready, nodes))} of {len(nodes)} Ready"
        return Status(any(map(node_ready, nodes)), facts)

    def _kubectl(self) -> Kubectl:
        return Kubectl(self.tool("kubectl"), self.kubeconfig())
