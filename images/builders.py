"""What builds an image: Docker or Podman where one answers, else buildah, which needs no daemon."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.cluster.commands import run, succeeds
from e2e.cluster.debian import require
from e2e.cluster.progress import step
from images import base
from images.build_settings import write_secrets
from images.catalog import ROOT, Image
from images.content import LABEL
from images.locks import in_use, locked

_DEBIAN_PACKAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "tar": "tar"}


@dataclass(frozen=True)
class Order:
    """One image to build: what, under which name, with which content hash and named contexts."""

    image: Image
    reference: str
    content: str
    contexts: Mapping[str, Path]


class Builder(Protocol):
    """Builds images and keeps them in a store of its own until they are forgotten."""

    def content_of(self, reference: str) -> str | None:
        """The content hash that an image in the store was built from; None if there is no such image."""

    def build(self, order: Order) -> None:
        """Build and tag an image."""

    def exported(self, reference: str) -> AbstractContextManager[str]:
        """What a cluster can load: the path of an archive, deleted at the end, or a name that the engine knows."""

    def forget(self, reference: str) -> None:
        """Drop an image and those of its layers that no other image has."""

    def run(self, reference: str, argv: Sequence[str], stdin: str) -> str:
        """Run `argv` in a new container, as the image's user; returns its standard output."""


def choose_builder() -> Builder:
    """The first that works on this machine."""
    for engine in ("docker", "podman"):
        if succeeds([engine, "info"]):
            return Engine(engine)
    return Buildah(cache_folder())


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/modelberth`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelberth"


class Engine:
    """Docker or Podman."""

    def __init__(self, command: str) -> None:
        self._command = command

    def content_of(self, reference: str) -> str | None:
        template = f'{{{{index .Config.Labels "{LABEL}"}}}}'
        if not succeeds([self._command, "image", "inspect", reference]):
            return None
        return run([self._command, "image", "inspect", "--format", template, reference]).strip()

    def build(self, order: Order) -> None:
        with _arguments(order, order.reference) as arguments:
            run([self._command, "build", *arguments, str(ROOT)])

    @contextmanager
    def exported(self, reference: str) -> Iterator[str]:
        yield reference

    def forget(self, reference: str) -> None:
        """The engine's images are the user's to remove."""

    def run(self, reference: str, argv: Sequence[str], stdin: str) -> str:
        options = ["--rm", "--interactive", "--network", "none", "--entrypoint", argv[0]]
        return run([self._command, "run", *options, reference, *argv[1:]], stdin=stdin)


class Buildah:
    """buildah with a store of its own below `cache`; Debian bases are made by debootstrap."""

    def __init__(self, cache: Path) -> None:
        self._archives = cache / "archives"
        self._lock = cache / "locks" / "buildah"
        store, state = cache / "buildah", cache / "buildah-run"
        self._buildah = ["buildah", "--storage-driver", "overlay", "--root", str(store), "--runroot", str(state)]

    def content_of(self, reference: str) -> str | None:
        name = _qualified(reference)
        if not self._has(name):
            return None
        template = f'{{{{index .OCIv1.Config.Labels "{LABEL}"}}}}'
        return run([*self._buildah, "inspect", "--type", "image", "--format", template, name]).strip()

    def build(self, order: Order) -> None:
        require(_DEBIAN_PACKAGES)
        leftovers = self._containers()
        with in_use(self._lock) as alone:
            if alone and leftovers:
                # Of builds that were killed: gigabytes that nobody finds. One that is gone by now is no error.
                succeeds([*self._buildah, "rm", *leftovers], timeout=600)
            self._ensure_base(order.image.base())
            with _arguments(order, _qualified(order.reference)) as arguments:
                self._bud(["--layers", *arguments, str(ROOT)])
            if alone:
                self._forget_older(_qualified(order.reference))

    @contextmanager
    def exported(self, reference: str) -> Iterator[str]:
        self._archives.mkdir(parents=True, exist_ok=True)
        name = _qualified(reference)
        with tempfile.TemporaryDirectory(dir=self._archives) as folder:
            archive = Path(folder) / f"{reference.rpartition('/')[2].replace(':', '-')}.tar"
            # zstd at its fastest: half the bytes at less time than writing the other half takes; of a 10 GB image three
            # copies are on the disk for a moment (here, in the archive, unpacked).
            push = [*self._buildah, "push", "--quiet", "--compression-format", "zstd", "--compression-level", "1"]
            # buildah gathers the archive in TMPDIR first, by default on what may be a small disk.
            environ = {**os.environ, "TMPDIR": folder}
            with step(f"exporting {reference}"):
                run([*push, name, f"oci-archive:{archive}:{name}"], environ=environ)
            yield str(archive)

    def forget(self, reference: str) -> None:
        if self._has(_qualified(reference)):
            run([*self._buildah, "rmi", _qualified(reference)])

    def run(self, reference: str, argv: Sequence[str], stdin: str) -> str:
        with in_use(self._lock):
            container = run([*self._buildah, "from", "--pull-never", _qualified(reference)]).strip()
            try:
                return run([*self._buildah, "run", "--isolation", "chroot", container, "--", *argv], stdin=stdin)
            finally:
                run([*self._buildah, "rm", container])

    def _forget_older(self, name: str) -> None:
        """Drop the other tags of an image, one for each change of code; its layers stay as the cache."""
        listed = run([*self._buildah, "images", "--format", "{{.Name}}:{{.Tag}}"]).split()
        older = [other for other in listed if other.rpartition(":")[0] == name.rpartition(":")[0] and other != name]
        if older:
            succeeds([*self._buildah, "rmi", *older], timeout=600)

    def _containers(self) -> list[str]:
        return run([*self._buildah, "containers", "--quiet"]).split()

    def _has(self, reference: str) -> bool:
        return shutil.which("buildah") is not None and succeeds(
            [*self._buildah, "inspect", "--type", "image", reference], timeout=600
        )

    def _ensure_base(self, name: str) -> None:
        with locked(self._lock.with_name(f"base-{base.suite_of(name)}")):
            if not self._has(name):
                self._make_base(name)

    def _make_base(self, name: str) -> None:
        suite = base.suite_of(name)
        self._archives.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._archives) as folder, step(f"making {name} with debootstrap"):
            base.make_context(suite, Path(folder))
            self._bud(["--layers=false", "--file", f"{folder}/Containerfile", "--tag", name, folder])

    def _bud(self, arguments: Sequence[str]) -> None:
        self._archives.mkdir(parents=True, exist_ok=True)
        # A layer is gathered in TMPDIR before it is committed, by default on what may be a small disk.
        with tempfile.TemporaryDirectory(dir=self._archives) as folder:
            environ = {**os.environ, "TMPDIR": folder}
            command = [*self._buildah, "bud", "--isolation", "chroot", "--network", "host", "--pull-never"]
            run([*command, *arguments], environ=environ)


def _qualified(reference: str) -> str:
    """buildah files a short name under localhost/, Kubernetes looks for it under docker.io/."""
    return f"docker.io/{reference}"


@contextmanager
def _arguments(order: Order, name: str) -> Iterator[list[str]]:
    """What Docker, Podman and buildah all understand."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--file", str(ROOT / order.image.dockerfile), "--tag", name]
        arguments += ["--label", f"{LABEL}={order.content}"]
        for context, path in order.contexts.items():
            arguments += ["--build-context", f"{context}={path}"]
        for secret, path in write_secrets(Path(folder), base.suite_of(order.image.base())).items():
            arguments += ["--secret", f"id={secret},src={path}"]
        yield arguments
