"""The programs a node needs that are no Go modules of ours: Debian's packages, installed when they are missing."""

import os
import shutil
from pathlib import Path

from e2e.cluster.commands import run
from e2e.cluster.interface import ClusterError
from e2e.cluster.paths import paths
from e2e.cluster.progress import step
from images.locks import locked

PACKAGES = {
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "openssl": "openssl",
}
"""What proves that a package is there (a program, or a path) -> the package."""

COMPILER = {"cc": "gcc", "/usr/include/stdio.h": "libc6-dev"}
"""Only for the pause image, once per cache."""


SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""A user's PATH may lack the sbin folders where iptables and runc are."""


def missing(wanted: dict[str, str]) -> list[str]:
    """Packages of `wanted` that prove to be absent."""

    def there(proof: str) -> bool:
        if proof.startswith("/"):
            return Path(proof).exists()
        return shutil.which(proof, path=SYSTEM_PATH) is not None

    return sorted({package for proof, package in wanted.items() if not there(proof)})


def require(wanted: dict[str, str]) -> None:
    """Install what is missing. Raises ClusterError with the command to type where that cannot be done from here."""
    with locked(paths().cache / "locks" / "apt"):
        _install(missing(wanted))


def _install(packages: list[str]) -> None:
    if not packages:
        return
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise ClusterError(f"this machine lacks {names} (Debian's names).\nWay out: install them, or use CLUSTER=kind")
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {names}"):
        try:
            run(install, environ=environ)
        except ClusterError:
            # Fresh machines have no package lists, old ones name versions that are gone.
            try:
                run(["apt-get", "update", "--quiet"], environ=environ)
                run(install, environ=environ)
            except ClusterError as error:
                raise ClusterError(f"{error}\nWay out: apt-get update && apt-get install {names}") from error
