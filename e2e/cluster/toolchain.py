"""Finds a Go toolchain: the one on the PATH if it is new enough, else PyPI's wheel of it in a virtual environment."""

import re
import shutil
import sys
from pathlib import Path

from e2e.cluster.commands import run, succeeds
from e2e.cluster.interface import ClusterError
from e2e.cluster.pins import Toolchain
from e2e.cluster.progress import step


def version_of(text: str) -> tuple[int, ...]:
    """(1, 26, 8) of `go version go1.26.8 linux/amd64`; () if it says something else."""
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def go(wanted: Toolchain, cache: Path) -> str:
    """Path of a `go` of at least `wanted.minimum`."""
    minimum = version_of(f"go{wanted.minimum}")
    found = shutil.which("go")
    if found and version_of(run([found, "version"], timeout=30)) >= minimum:
        return found
    environment = cache / wanted.wheel.replace("==", "-")
    python = environment / "bin" / "python"
    candidate = environment / "bin" / "go"
    if not (candidate.exists() and succeeds([candidate, "version"])):
        with step(f"installing {wanted.wheel} (no Go {wanted.minimum} or newer on the PATH)"):
            try:
                # Not --upgrade-deps: that needs the network for nothing.
                run([sys.executable, "-m", "venv", "--clear", environment])
                run([python, "-m", "pip", "install", "--quiet", wanted.wheel])
            except ClusterError as error:
                raise ClusterError(f"{error}\nWay out: put Go {wanted.minimum} or newer on the PATH") from error
    return str(candidate)
