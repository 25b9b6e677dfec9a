"""What a cluster can do for a test, whichever way it came up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class ClusterError(Exception):
    """Something is wrong and the message says what to do about it."""


@dataclass(frozen=True)
class Status:
    """What `status` prints. `ready`: the API server answers and every node is Ready."""

    ready: bool
    facts: dict[str, str] = field(default_factory=dict)


class Cluster(Protocol):
    """One cluster. Every method may be called twice: the second call finds nothing to do."""

    way: str
    """`local`, `kind` or `current`."""

    def up(self) -> None:
        """Bring the cluster up, or repair it, and return when its nodes are Ready."""

    def down(self, *, purge: bool = False) -> None:
        """Remove the cluster; with `purge` also the images kept for the next one."""

    def load(self, images: Sequence[str]) -> None:
        """Put images into the node: paths of OCI or docker archives, or names a local container tool knows."""

    def has_image(self, reference: str) -> bool:
        """Whether a pod could start from `reference` without pulling."""

    def kubeconfig(self) -> Path:
        """The admin kubeconfig; it need not exist before `up`."""

    def audit_log(self) -> Path | None:
        """The API server's audit log (one JSON event a line), None where this way has none."""

    def tool(self, name: str) -> Path:
        """The program `kubectl`, `helm` or `kwok`, built first if it has to be."""

    def status(self) -> Status:
        """What is there now."""
