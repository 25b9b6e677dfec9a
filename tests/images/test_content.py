"""What makes an image another image."""

from __future__ import annotations

from pathlib import Path

import pytest

from images.base import suite_of
from images.catalog import IMAGES, ROOT, Image
from images.content import content_hash

IMAGE = Image("x", "modelberth/x", "x/Dockerfile", ("x/src", "x/lock"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "x/src").mkdir(parents=True)
    for name in ("x/Dockerfile", "x/lock", "x/src/main.py"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", ["x/Dockerfile", "x/lock", "x/src/main.py", "x/src/new.py"])
def test_every_input_counts(tree: Path, name: str) -> None:
    before = content_hash(IMAGE, root=tree)
    (tree / name).write_text("changed")
    assert content_hash(IMAGE, root=tree) != before


def test_a_name_counts_as_well(tree: Path) -> None:
    before = content_hash(IMAGE, root=tree)
    (tree / "x/src/main.py").rename(tree / "x/src/other.py")
    assert content_hash(IMAGE, root=tree) != before


def test_the_models_inside_count(tree: Path) -> None:
    assert content_hash(IMAGE, "a", root=tree) != content_hash(IMAGE, "b", root=tree)


def test_bytecode_and_time_do_not_count(tree: Path) -> None:
    before = content_hash(IMAGE, root=tree)
    (tree / "x/src/__pycache__").mkdir()
    (tree / "x/src/__pycache__/main.pyc").write_bytes(b"\0")
    (tree / "x/lock").touch()
    assert content_hash(IMAGE, root=tree) == before


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
def test_what_the_catalogue_names_is_there(image: Image) -> None:
    assert suite_of(image.base()) in {"bookworm", "trixie", "forky"}
    for name in (image.dockerfile, *image.inputs):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
def test_an_image_runs_as_a_user_without_rights(image: Image) -> None:
    dockerfile = (ROOT / image.dockerfile).read_text()
    assert dockerfile.count("\nUSER 10001:10001\n") == 1
    assert "ENTRYPOINT [" in dockerfile or image.name == "sglang"


@pytest.mark.parametrize(
    "lock", sorted((*ROOT.glob("images/*/*.lock"), *ROOT.glob("e2e/*/requirements.lock"))), ids=str
)
def test_locks_name_no_index_and_hash_every_package(lock: Path) -> None:
    lines = lock.read_text().splitlines()
    assert not [line for line in lines if line.startswith("-") or "://" in line]
    pins = [number for number, line in enumerate(lines) if "==" in line and not line.startswith((" ", "#"))]
    assert pins
    assert all("--hash=sha256:" in lines[number + 1] for number in pins)
