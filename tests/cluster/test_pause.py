"""The archive writer, read back the way containerd does."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from e2e.cluster.pause import one_file_archive


def test_archive_is_a_consistent_oci_layout(tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    one_file_archive(target, "localhost/x:1", "x", b"program")
    with tarfile.open(target) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]

    def blob(descriptor: dict[str, object]) -> bytes:
        content = files[f"blobs/sha256/{str(descriptor['digest']).removeprefix('sha256:')}"]
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
        assert len(content) == descriptor["size"]
        return content

    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "localhost/x:1"
    manifest = json.loads(blob(entry))
    config = json.loads(blob(manifest["config"]))
    layer = gzip.decompress(blob(manifest["layers"][0]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"] == {"Entrypoint": ["/x"], "User": "65535:65535"}
    with tarfile.open(fileobj=io.BytesIO(layer)) as content:
        assert [(m.name, m.mode) for m in content] == [("x", 0o755)]


def test_same_input_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "1.tar", tmp_path / "2.tar"
    for target in (one, two):
        one_file_archive(target, "localhost/x:1", "x", b"program")
    assert one.read_bytes() == two.read_bytes()
