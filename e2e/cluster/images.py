"""Images: their names, where a name can be exported from, and containerd's store of them."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.commands import run, succeeds
from e2e.cluster.interface import ClusterError
from e2e.cluster.progress import say, step


def canonical(reference: str) -> str:
    """The full name that containerd files an image under: `a/b` is `docker.io/a/b:latest` (distribution/reference)."""
    name, digest = reference.partition("@")[::2]
    first, rest = name.partition("/")[::2]
    # A first part is a registry only if it looks like a host.
    if not rest:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    if digest:
        return f"{name}@{digest}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


@contextmanager
def archive_of(image: str, scratch: Path) -> Iterator[Path]:
    """`image` as an archive: itself if it is a file, else exported by the container tool that knows it."""
    if Path(image).is_file():
        yield Path(image)
        return
    if "/" in image and Path(image).suffix in (".tar", ".oci"):
        raise ClusterError(f"there is no file {image}")
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        target = Path(folder) / "image.tar"
        with step(f"exporting {image}"):
            _export(image, target)
        yield target


def _export(image: str, target: Path) -> None:
    for tool in ("docker", "podman"):
        if shutil.which(tool) and succeeds([tool, "image", "inspect", image]):
            run([tool, "save", "--output", target, image])
            return
    if shutil.which("buildah") and succeeds(["buildah", "inspect", "--type", "image", image]):
        run(["buildah", "push", "--quiet", image, f"docker-archive:{target}:{image}"])
        return
    raise ClusterError(
        f"{image} is neither a file nor an image that docker, podman or buildah has here.\n"
        "Way out: build it first, or give the path of an OCI or docker archive"
    )


def is_id(name: str) -> bool:
    """Whether it names an image by what it is, not by what somebody called it."""
    return name.startswith("sha256:") or "@sha256:" in name


def orphans(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Ids of images that had a tag before and have none now; arguments are manifest digests by name."""
    had = {digest for name, digest in before.items() if not is_id(name)}
    have = {digest for name, digest in after.items() if not is_id(name)}
    return sorted(name for name, digest in after.items() if is_id(name) and digest in had - have)


class Containerd:
    """The image store of a containerd, in the namespace that Kubernetes uses."""

    def __init__(self, ctr: Path, socket: str) -> None:
        self.command = [str(ctr), "--address", socket, "--namespace", "k8s.io"]

    def targets(self) -> dict[str, str]:
        """Manifest digest by name. CRI adds a name `sha256:...` (the image's id) to each image."""
        lines = run([*self.command, "images", "list"]).splitlines()[1:]
        return {name: digest for name, _, digest, *_ in map(str.split, lines)}

    def has(self, reference: str) -> bool:
        return canonical(reference) in self.targets()

    def load(self, archive: Path) -> list[str]:
        """Import an archive; returns the names that changed. Layers are unpacked and then dropped: of a 6 GB image the
        packed half would only take disk (nothing is ever pushed from here)."""
        before = self.targets()
        size = archive.stat().st_size / 2**20
        with step(f"loading {archive.name} ({size:.0f} MiB)"):
            # --local: the transfer service, the default, knows no --discard-unpacked-layers.
            run([*self.command, "images", "import", "--local", "--discard-unpacked-layers", archive])
            after = self.targets()
            # A tag that moved leaves the old image behind under its id, several GB that nobody finds.
            self._delete(orphans(before, after))
        changed = sorted(name for name, digest in after.items() if not is_id(name) and before.get(name) != digest)
        say("  " + (", ".join(changed) or "nothing new in it"))
        return changed

    def remove(self, references: Sequence[str]) -> None:
        """Absent ones are no error; --sync frees the disk before it returns."""
        before = self.targets()
        there = {name for name in map(canonical, references) if name in before}
        after = {name: digest for name, digest in before.items() if name not in there}
        self._delete([*there, *orphans(before, after)])

    def _delete(self, names: Sequence[str]) -> None:
        if names:
            run([*self.command, "images", "remove", "--sync", *names])

    def remove_containers(self) -> None:
        """Kill and forget every container, so that a store that is kept holds images only."""
        for kind in ("tasks", "containers"):
            names = run([*self.command, kind, "list", "--quiet"], timeout=30).split()
            if names:
                run([*self.command, kind, "delete", *(["--force"] if kind == "tasks" else []), *names], timeout=60)
