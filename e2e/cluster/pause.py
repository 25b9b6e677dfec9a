"""The pause image: what holds a pod's namespaces while its containers come and go. Ten lines of C, built here."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
import tempfile
from pathlib import Path

from e2e.cluster.commands import run

PAUSE = "localhost/modelberth-pause:1"

SOURCE = r"""
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int signal) { _exit(0); }
/* In a pod with a shared process namespace this is pid 1 and inherits orphans. */
static void reap(int signal) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGINT, stop); signal(SIGTERM, stop); signal(SIGCHLD, reap);
  for (;;) pause();
}
"""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""`uname -m` -> the name that images use."""


def architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def pause_archive(target: Path) -> None:
    """Compile the program and write the image as an OCI archive."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "pause.c", Path(folder) / "pause"
        source.write_text(SOURCE)
        run(["cc", "-static", "-Os", "-s", "-o", program, source])
        one_file_archive(target, PAUSE, "pause", program.read_bytes())


def one_file_archive(target: Path, reference: str, name: str, program: bytes) -> None:
    """An OCI archive (image-spec, image-layout.md) of one layer with one static program, run as a nobody."""
    layer = _tar({name: (program, 0o755)})
    # Fast, not small: it is unpacked on this machine a moment later, and some programs have 200 MB.
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    config = {
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [f"/{name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs = [packed, json.dumps(config).encode()]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor("application/vnd.oci.image.config.v1+json", blobs[1]),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", packed)],
    }
    blobs.append(json.dumps(manifest).encode())
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", blobs[2])
    entry["annotations"] = {"io.containerd.image.name": reference}
    files = {
        "oci-layout": (b'{"imageLayoutVersion": "1.0.0"}', 0o644),
        "index.json": (json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(), 0o644),
    }
    files |= {f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}": (blob, 0o644) for blob in blobs}
    target.write_bytes(_tar(files))


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    """Content and mode by path; no times and owners, so that the same input has the same digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
