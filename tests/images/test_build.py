"""When an image is built, loaded and forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from images.build import content_of, ensure, main
from images.builders import Order
from images.catalog import IMAGES
from images.loaded import LoadedContents


class FakeBuilder:
    """Keeps images as reference -> content hash, and notes what happened."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.events: list[str] = []

    def content_of(self, reference: str) -> str | None:
        return self.images.get(reference)

    def build(self, order: Order) -> None:
        self.images[order.reference] = order.content
        self.events.append(f"build {order.image.name}")

    @contextmanager
    def exported(self, reference: str) -> Iterator[str]:
        self.events.append("export")
        yield reference
        self.events.append("delete archive")

    def forget(self, reference: str) -> None:
        del self.images[reference]
        self.events.append("forget")

    def run(self, reference: str, argv: Sequence[str], stdin: str) -> str:
        raise NotImplementedError


class FakeCluster:
    """A cluster that is nothing but the set of its images."""

    way = "fake"

    def __init__(self) -> None:
        self.images: set[str] = set()

    def load(self, images: Sequence[str]) -> None:
        self.images.update(images)

    def has_image(self, reference: str) -> bool:
        return reference in self.images


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedContents:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return LoadedContents(tmp_path / "images.json")


def test_a_large_image_leaves_neither_layers_nor_archive(loaded: LoadedContents) -> None:
    builder, cluster = FakeBuilder(), FakeCluster()
    references = ensure(["vllm"], cluster, builder=builder, loaded=loaded)
    assert references == {"vllm": "modelberth/vllm-cpu:v0.32.0"}
    assert cluster.images == {"modelberth/vllm-cpu:v0.32.0"}
    assert builder.events == ["build vllm", "export", "forget", "delete archive"]


def test_the_second_time_there_is_nothing_to_do(loaded: LoadedContents) -> None:
    cluster = FakeCluster()
    first = ensure(["vllm", "operator"], cluster, builder=FakeBuilder(), loaded=loaded)
    idle = FakeBuilder()
    assert ensure(["vllm", "operator"], cluster, builder=idle, loaded=loaded) == first
    assert idle.events == []


def test_a_cluster_that_lost_its_images_gets_them_again_from_the_store(loaded: LoadedContents) -> None:
    builder = FakeBuilder()
    ensure(["operator"], FakeCluster(), builder=builder, loaded=loaded)
    builder.events.clear()
    ensure(["operator"], FakeCluster(), builder=builder, loaded=loaded)
    assert builder.events == ["export", "delete archive"]


def test_the_same_tag_with_other_content_is_built_again(loaded: LoadedContents) -> None:
    cluster, builder = FakeCluster(), FakeBuilder()
    cluster.images.add("modelberth/vllm-cpu:v0.32.0")
    loaded.set(cluster.way, "modelberth/vllm-cpu:v0.32.0", "another hash")
    ensure(["vllm"], cluster, builder=builder, loaded=loaded)
    assert builder.events[0] == "build vllm"
    assert loaded.get(cluster.way, "modelberth/vllm-cpu:v0.32.0") == content_of(IMAGES["vllm"])


def test_each_cluster_is_remembered_by_itself(loaded: LoadedContents) -> None:
    loaded.set("kind", "modelberth/hub:dev-1", "1")
    assert loaded.get("local", "modelberth/hub:dev-1") is None


def test_print_ref_needs_no_builder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-ref", "operator"]) == 0
    reference = capsys.readouterr().out.strip()
    assert reference == f"modelberth/operator:dev-{content_of(IMAGES['operator'])}"


def test_an_unknown_name_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as raised:
        main(["absent"])
    assert raised.value.code == 2
