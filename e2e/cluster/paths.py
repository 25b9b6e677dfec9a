"""Where things are kept: programs and images in the XDG cache folder, a cluster's life in the XDG state folder."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.interface import ClusterError

VARIABLE = "MODELBERTH_CLUSTER"
"""Environment variable that names a second cluster beside the usual one. They share programs, nothing else."""

USUAL = "modelberth"

NAME = re.compile(r"[a-z][a-z0-9-]{0,12}[a-z0-9]")
"""The names of its two network devices have one character more, and Linux has 15 for them (IFNAMSIZ less the zero)."""


@dataclass(frozen=True)
class Paths:
    """`cache` outlives a cluster; `state` is removed by `down`. `name` tells two clusters of one machine apart."""

    cache: Path
    state: Path
    name: str = USUAL

    @property
    def binaries(self) -> Path:
        return self.cache / "bin"

    @property
    def builds(self) -> Path:
        """Go module files and build logs."""
        return self.cache / "build"

    @property
    def images(self) -> Path:
        """containerd's root: importing 16 GB of engines again costs minutes, so it outlives the cluster."""
        return self.cache / of_cluster("containerd", self.name)

    @property
    def loaded(self) -> Path:
        """Remembers which images were loaded; beside the state folder, because images outlive that."""
        return self.state.parent / f"{of_cluster('images', self.name)}.json"

    @property
    def lock(self) -> Path:
        """Beside the state folder, because `down` removes that."""
        return self.state.parent / f"{of_cluster('cluster', self.name)}.lock"

    @property
    def certificates(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pids(self) -> Path:
        return self.state / "pids"

    @property
    def etcd(self) -> Path:
        return self.state / "etcd"

    @property
    def node(self) -> Path:
        """What kubelet and containerd write and a reboot would lose."""
        return self.state / "node"

    @property
    def audit(self) -> Path:
        return self.state / "audit"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "admin.kubeconfig"


def of_cluster(thing: str, cluster: str) -> str:
    """What belongs to the usual cluster is called plainly."""
    return thing if cluster == USUAL else f"{thing}-{cluster}"


def paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """The folders for this user, from XDG_CACHE_HOME and XDG_STATE_HOME or their defaults, and the cluster's name.

    Raises:
        ClusterError: the name is none that network devices could have.
    """
    name = environ.get(VARIABLE) or USUAL
    if not NAME.fullmatch(name):
        raise ClusterError(f"{VARIABLE}={name} cannot be a cluster's name.\nWay out: 2 to 14 of a-z, 0-9 and hyphen")

    def base(variable: str, default: str) -> Path:
        value = environ.get(variable, "")
        # The XDG specification: a relative path is to be ignored.
        return Path(value) if value.startswith("/") else Path(environ.get("HOME") or Path.home()) / default

    return Paths(
        cache=base("XDG_CACHE_HOME", ".cache") / "modelberth",
        state=base("XDG_STATE_HOME", ".local/state") / "modelberth" / of_cluster("cluster", name),
        name=name,
    )
