"""Where things are kept: programs and images in the XDG cache folder, a cluster's life in the XDG state folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """`cache` outlives a cluster; `state` is removed by `down`."""

    cache: Path
    state: Path

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
        return self.cache / "containerd"

    @property
    def lock(self) -> Path:
        """Beside the state folder, because `down` removes that."""
        return self.state.parent / "cluster.lock"

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


def paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """The folders for this user, from XDG_CACHE_HOME and XDG_STATE_HOME or their defaults."""

    def base(variable: str, default: str) -> Path:
        value = environ.get(variable, "")
        # The XDG specification: a relative path is to be ignored.
        return Path(value) if value.startswith("/") else Path(environ.get("HOME") or Path.home()) / default

    return Paths(
        cache=base("XDG_CACHE_HOME", ".cache") / "modelberth",
        state=base("XDG_STATE_HOME", ".local/state") / "modelberth" / "cluster",
    )
