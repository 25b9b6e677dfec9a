"""Where a cache is, as pods name it: a claim of a namespace, or a directory of a node."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Raw = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"claim {self.namespace}/{self.name}"

    @property
    def searched(self) -> str | None:
        """The namespace whose pods can mount it; None is all."""
        return self.namespace

    @property
    def only_node(self) -> str | None:
        """The node that has it, where there is but one."""
        return None

    @property
    def volume(self) -> Raw:
        return {"persistentVolumeClaim": {"claimName": self.name}}

    def is_in(self, volume: Raw) -> bool:
        """Whether a volume of a pod is this."""
        return bool((volume.get("persistentVolumeClaim") or {}).get("claimName") == self.name)

    def is_on(self, node: str | None) -> bool:
        return True


@dataclass(frozen=True)
class NodePath:
    """A directory of a node."""

    namespace: str
    """Where a pod may mount it, to look."""
    path: str
    node: str

    def __str__(self) -> str:
        return f"{self.path} on node {self.node}"

    @property
    def searched(self) -> str | None:
        return None

    @property
    def only_node(self) -> str | None:
        return self.node

    @property
    def volume(self) -> Raw:
        return {"hostPath": {"path": self.path, "type": "Directory"}}

    def is_in(self, volume: Raw) -> bool:
        """Whether a volume of a pod is this or in it. One that holds it (/, /var) is an agent's of the node."""
        path = (volume.get("hostPath") or {}).get("path")
        return path is not None and PurePosixPath(path).is_relative_to(PurePosixPath(self.path))

    def is_on(self, node: str | None) -> bool:
        """Whether a pod there, or nowhere yet, can use it."""
        return node in (None, self.node)


Place = Claim | NodePath
