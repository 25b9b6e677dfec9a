"""Names of images, and which of them nobody needs after a load."""

from pathlib import Path

import pytest

from e2e.cluster.images import archive_of, canonical, orphans
from e2e.cluster.interface import ClusterError


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("modelberth/operator:dev", "docker.io/modelberth/operator:dev"),
        ("localhost/operator", "localhost/operator:latest"),
        ("registry:5000/a/b", "registry:5000/a/b:latest"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
    ],
)
def test_canonical(given: str, full: str) -> None:
    assert canonical(given) == full
    assert canonical(full) == full


def test_a_tag_that_moved_leaves_an_orphan() -> None:
    before = {"a:1": "old", "sha256:old-id": "old", "b:1": "other", "sha256:b": "other"}
    after = {**before, "a:1": "new", "sha256:new-id": "new"}
    assert orphans(before, after) == ["sha256:old-id"]


def test_a_second_tag_keeps_the_image() -> None:
    before = {"a:1": "old", "a:2": "old", "sha256:id": "old"}
    assert orphans(before, {**before, "a:1": "new"}) == []


def test_an_image_that_never_had_a_tag_is_left_alone() -> None:
    names = {"sha256:id": "untagged"}
    assert orphans(names, names) == []


def test_a_file_is_its_own_archive(tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    file.touch()
    with archive_of(str(file), tmp_path) as archive:
        assert archive == file


def test_a_missing_file_is_not_taken_for_an_image(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no file"), archive_of(str(tmp_path / "x.tar"), tmp_path):
        pass
