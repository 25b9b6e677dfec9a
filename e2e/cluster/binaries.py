"""Builds the programs from their Go modules, once per version, into the cache."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from e2e.cluster.commands import run, tail
from e2e.cluster.interface import ClusterError
from e2e.cluster.paths import Paths
from e2e.cluster.pins import Pin, Pins, pins
from e2e.cluster.progress import step
from e2e.cluster.toolchain import go
from images.locks import locked

SUMS = Path(__file__).with_name("sums")
"""One go.sum per module: what was downloaded must be what was downloaded when the version was chosen."""


class Binaries:
    """The cache of programs. Proxies, checksum database and caches of Go are the user's own: GOPROXY and friends."""

    def __init__(self, where: Paths, pinned: Pins | None = None) -> None:
        self.where = where
        self.pinned = pinned or pins()

    def path(self, command: str) -> Path:
        """Where `command` is or will be."""
        return self.where.binaries / self.pinned.owner(command).folder / command

    def missing(self, commands: Iterable[str]) -> list[str]:
        return [command for command in commands if not self.path(command).exists()]

    def build(self, commands: Iterable[str]) -> None:
        """Build those of `commands` that the cache lacks."""
        todo = self.missing(commands)
        if not todo:
            return
        with locked(self._lock("go")):
            compiler = go(self.pinned.toolchain, self.where.cache)
        for number, command in enumerate(todo, start=1):
            pin = self.pinned.owner(command)
            # By module: its programs are built in one folder. Another process may be building ahead (e2e.ahead).
            with locked(self._lock(pin.name)):
                if not self.missing([command]):
                    continue
                with step(f"building {command} {pin.version} ({number} of {len(todo)})"):
                    self._build(compiler, pin, command)

    def _lock(self, name: str) -> Path:
        return self.where.cache / "locks" / f"program-{name}"

    def tool(self, command: str) -> Path:
        self.build([command])
        return self.path(command)

    def write_sums(self, name: str) -> Path:
        """Keep the sums of the last build of module `name` as the ones to check against."""
        pin = self.pinned.modules[name]
        target = SUMS / f"{name}.sum"
        shutil.copyfile(self.where.builds / pin.folder / "go.sum", target)
        return target

    def _build(self, compiler: str, pin: Pin, command: str) -> None:
        source = self.where.builds / pin.folder
        target = self.path(command)
        source.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        (source / "go.mod").write_text(pin.go_mod(self.pinned.toolchain.minimum))
        sums = SUMS / f"{pin.name}.sum"
        if sums.exists():
            shutil.copyfile(sums, source / "go.sum")
        environ = {**os.environ, "CGO_ENABLED": "0"}
        partial = target.with_suffix(".partial")
        # -mod=mod: the main module has no code, so its go.mod lists no indirect requirement for -mod=readonly to find.
        argv = [compiler, "build", "-mod=mod", "-trimpath", "-tags", ",".join(pin.tags)]
        argv += ["-ldflags", pin.linker_flags(), "-o", str(partial), pin.commands[command]]
        log = source / f"{command}.log"
        with log.open("w") as output:
            done = subprocess.run(["nice", *argv], cwd=source, env=environ, stdout=output, stderr=output)
        if done.returncode != 0:
            raise ClusterError(f"building {command} failed (log: {log}):\n{tail(log.read_text())}")
        if pin.data:
            self._copy_data(compiler, pin, source, environ)
        partial.rename(target)

    def _copy_data(self, compiler: str, pin: Pin, source: Path, environ: Mapping[str, str]) -> None:
        # -C instead of a working directory of ours: `go list -m` reads the go.mod it finds there.
        listing = [compiler, "list", "-C", str(source), "-mod=mod", "-m", "-f", "{{.Dir}}", pin.module]
        root = Path(run(listing, environ=environ).strip())
        for entry in (root / relative for relative in pin.data):
            for file in files(entry):
                copy = self.where.binaries / pin.folder / file.relative_to(entry.parent)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                copy.chmod(0o644)


def files(entry: Path) -> list[Path]:
    """A file itself, or every file below a folder."""
    return [entry] if entry.is_file() else sorted(path for path in entry.rglob("*") if path.is_file())
