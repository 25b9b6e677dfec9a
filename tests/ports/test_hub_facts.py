"""Facts of models from the hub that e2e uses, through the real client: what is known, and what it costs."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from e2e.hub.access import Tokens
from e2e.hub.network import Faults
from e2e.hub.repositories import RepositoryFolder
from e2e.hub.server import Hub as Served
from e2e.hub.server import HubServer
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.ports import hub_facts
from modelberth.ports.hub import HubProblem, HuggingFaceHub
from modelberth.ports.model_files.safetensors_index import INDEX
from tests.ports.conftest import Server
from tests.ports.model_files.made import safetensors, write_gguf

CONFIG = {"model_type": "llama", "num_hidden_layers": 2}
BLOCKS = {"token_embd.weight": (8, 32), "blk.0.attn_q.weight": (32, 32), "blk.1.attn_q.weight": (32, 32)}
WEIGHT_BYTES = 2_000_000


@dataclass
class Place:
    """A served folder, and what was asked of it."""

    url: str
    root: Path
    faults: Faults
    lines: list[str]

    def write(self, name: str, files: dict[str, Any]) -> None:
        """Files of ``org/name``: bytes, or anything as JSON."""
        folder = self.root / "org" / name
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            (folder / path).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def files(self, name: str, token: str | None = None, **wish: Any) -> ModelFiles:
        hub = HuggingFaceHub(self.url, 2.0, token)
        return hub.files(f"org/{name}", hub.resolve(f"org/{name}", None), **wish)

    def requests(self, count: int) -> list[str]:
        """Log lines of what was asked beside the commit; each is written after the client has its answer."""
        deadline = time.monotonic() + 5
        while len(lines := [line for line in self.lines if "expand=sha" not in line]) < count:
            assert time.monotonic() < deadline, lines
            time.sleep(0.01)
        assert len(lines) == count, lines
        return lines


def sent(lines: list[str]) -> int:
    return sum(int(line.split("sent=")[1].split()[0]) for line in lines)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    lines: list[str] = []
    tokens = Tokens({"hf_good": frozenset({"*"}), "hf_poor": frozenset()})
    hub = Served(RepositoryFolder(tmp_path), tokens=tokens, log=lines.append)
    with HubServer(("127.0.0.1", 0), hub) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield Place(f"http://127.0.0.1:{server.server_port}", tmp_path, hub.faults, lines)
        server.shutdown()


def weights(*names: str) -> bytes:
    """A file of 2 MB with these tensors, which share it."""
    size = WEIGHT_BYTES // len(names)
    return safetensors(*((name, "BF16", (size // 2,), size) for name in names)) + bytes(WEIGHT_BYTES)


def shards(count: int) -> list[str]:
    return [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def sharded(count: int) -> dict[str, Any]:
    """Shards with a tensor each and their index, as the hub likes it: it counts their elements."""
    names = shards(count)
    files: dict[str, Any] = {name: weights(f"model.layers.{layer}.w") for layer, name in enumerate(names)}
    mapped = {f"model.layers.{layer}.w": name for layer, name in enumerate(names)}
    return {**files, INDEX: {"metadata": {"total_size": count * WEIGHT_BYTES}, "weight_map": mapped}}


def test_one_file(place: Place) -> None:
    place.write("one", {"config.json": CONFIG, "model.safetensors": weights("model.layers.0.w", "model.layers.2.w")})
    half = WEIGHT_BYTES // 2
    assert place.files("one") == ModelFiles(CONFIG, Tensors({"BF16": half}, WEIGHT_BYTES, drafter_bytes=half))
    assert sent(place.requests(3)) < 200_000


def test_shards_that_the_hub_counts(place: Place) -> None:
    place.write("shards", {"config.json": CONFIG, **sharded(3)})
    expected = Tensors({"BF16": 3 * WEIGHT_BYTES // 2}, 3 * WEIGHT_BYTES)
    assert place.files("shards") == ModelFiles(CONFIG, expected)
    place.requests(2)


def test_a_few_shards_that_it_does_not(place: Place) -> None:
    """As with AWQ and GPTQ, where its count is not that of the stored elements."""
    files = sharded(2)
    del files[INDEX]
    place.write("shards", {"config.json": CONFIG, **files})
    assert place.files("shards").tensors == Tensors({"BF16": WEIGHT_BYTES}, 2 * WEIGHT_BYTES)
    assert sent(place.requests(4)) < 400_000


def test_of_many_shards_the_sizes_suffice(place: Place) -> None:
    files = sharded(hub_facts.MAX_HEADERS + 1)
    del files[INDEX]
    place.write("shards", {"config.json": CONFIG, **files})
    found = place.files("shards").tensors
    assert found is not None
    assert found.parameters == {}
    assert found.total_bytes == pytest.approx(WEIGHT_BYTES * len(files), rel=1e-4)
    place.requests(2)


@pytest.mark.parametrize("indexed", [True, False])
def test_layers_for_drafting(place: Place, indexed: bool) -> None:
    files = sharded(6)
    if not indexed:
        del files[INDEX]
    config = {**CONFIG, "num_hidden_layers": 5, "num_nextn_predict_layers": 1}
    place.write("drafts", {"config.json": config, **files})
    found = place.files("drafts").tensors
    assert found is not None
    assert found.drafter_bytes == (WEIGHT_BYTES if indexed else 0)
    place.requests(4 if indexed else 3)


def test_quantization_in_a_file_of_its_own(place: Place) -> None:
    quantized = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}
    place.write("fp8", {"config.json": CONFIG, "hf_quant_config.json": quantized})
    with pytest.raises(HubProblem, match="no weights"):
        place.files("fp8")
    place.write("fp8", {"model.safetensors": weights("a")})
    config = place.files("fp8").config
    assert config == {**CONFIG, "quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}


def test_pickles_have_no_headers(place: Place) -> None:
    place.write("old", {"config.json": CONFIG, "pytorch_model.bin": b"pickle"})
    assert place.files("old") == ModelFiles(CONFIG)


def gguf(place: Place, name: str, file: str, tensors: Mapping[str, tuple[int, ...]] = BLOCKS) -> None:
    place.write(name, {})
    write_gguf(place.root / "org" / name / file, tensors)


def layers(files: ModelFiles) -> tuple[int, ...]:
    assert isinstance(files.gguf, Gguf)
    return files.gguf.layer_bytes


@pytest.mark.parametrize("wish", [{}, {"engine": "LlamaCpp"}, {"file": "m.gguf"}])
def test_gguf(place: Place, wish: dict[str, Any]) -> None:
    gguf(place, "gguf", "m.gguf")
    gguf(place, "gguf", "mmproj-m.gguf")
    assert layers(place.files("gguf", **wish)) == (2048, 2048)
    place.requests(2)


def test_gguf_beside_safetensors(place: Place) -> None:
    gguf(place, "both", "m.gguf")
    place.write("both", {"config.json": CONFIG, "model.safetensors": weights("a")})
    for engine in (None, "vLLM"):
        assert place.files("both", engine=engine) == ModelFiles(
            CONFIG, Tensors({"BF16": WEIGHT_BYTES // 2}, WEIGHT_BYTES)
        )
    found = place.files("both", engine="LlamaCpp")
    assert layers(found) == (2048, 2048)
    assert (found.config, found.tensors) == (CONFIG, None)


def test_a_header_that_takes_several_ranges(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_facts, "_GGUF_FIRST_BYTES", 1000)
    gguf(place, "gguf", "m.gguf", {**BLOCKS, "blk.2.ffn_up_exps.weight": (1000, 32, 32)})
    assert layers(place.files("gguf")) == (2048, 2048, 2_048_000)
    lines = place.requests(6)
    ranges = [line.split("range=")[1].split()[0] for line in lines[1:]]
    assert ranges == ["bytes=0-999", "bytes=1000-1999", "bytes=2000-3999", "bytes=4000-7999", "bytes=8000-15999"]
    assert sent(lines) < 20_000


def test_a_split_gguf(place: Place) -> None:
    gguf(place, "split", "m-00001-of-00002.gguf", {"blk.0.attn_q.weight": (32, 32)})
    gguf(place, "split", "m-00002-of-00002.gguf", {"blk.1.attn_q.weight": (32, 32)})
    assert layers(place.files("split", file="m-00001-of-00002.gguf")) == (2048, 2048)


@pytest.mark.parametrize(
    ("wish", "reason", "why"),
    [
        ({}, "UnsupportedModel", "GGUF files only"),
        ({"engine": "LlamaCpp"}, "UnsupportedModel", "has 2 GGUF models"),
        ({"file": "c.gguf"}, "ModelNotFound", "has no file c.gguf"),
    ],
)
def test_what_the_fetcher_would_refuse(place: Place, wish: dict[str, Any], reason: str, why: str) -> None:
    gguf(place, "two", "a.gguf")
    gguf(place, "two", "b.gguf")
    with pytest.raises(HubProblem, match=why) as raised:
        place.files("two", **wish)
    assert raised.value.reason == reason
    assert raised.value.message.startswith("org/two: ")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"model.safetensors": b"<html>"}, "model.safetensors of org/bad at .*: it ends within the first 8 bytes"),
        ({"model.safetensors": b"version https://git-lfs"}, "its header would have"),
        ({"model.gguf": b"GGUF"}, "model.gguf of org/bad at .*: it ends within its header"),
        ({"model.safetensors": weights("a"), "config.json": b"{"}, "config.json of org/bad at .*: it is not JSON"),
        (
            {"model.safetensors": weights("a"), "config.json": CONFIG, "quantize_config.json": b"[]"},
            "quantize_config.json of org/bad at .*: it is not a JSON object",
        ),
    ],
)
def test_damage(place: Place, files: dict[str, Any], why: str) -> None:
    place.write("bad", files)
    with pytest.raises(HubProblem, match=why) as raised:
        place.files("bad")
    assert raised.value.reason == "CheckpointCorrupt"


def test_what_only_we_cannot_read_is_told(place: Place) -> None:
    place.write("huge", {"config.json": CONFIG, "model.safetensors": (50_000_000).to_bytes(8, "little") + bytes(100)})
    found = place.files("huge")
    assert (found.config, found.tensors) == (CONFIG, None)
    assert "model.safetensors of org/huge: its header would have 50000000 bytes" in found.missing[0]


def test_config_json_is_worth_having_without_the_headers(place: Place) -> None:
    place.write("one", {"config.json": CONFIG, "model.safetensors": weights("a")})
    place.faults.cut_after, place.faults.cuts = 5, 2
    with pytest.raises(HubProblem, match="HubUnreachable"):
        place.files("one")
    place.faults.cut_after, place.faults.cuts = 1000, 1
    found = place.files("one")
    assert found.config == CONFIG
    assert found.missing[0].startswith("Cannot reach http://127.0.0.1")


def test_who_may_read(place: Place) -> None:
    files = {"config.json": CONFIG, "model.safetensors": weights("a")}
    place.write("secret", {**files, ".hub.json": {"private": True}})
    place.write("gated", {**files, ".hub.json": {"gated": "manual"}})
    for name, token, reason in (
        ("secret", None, "ModelNotFound"),
        ("secret", "hf_poor", "ModelNotFound"),
        ("gated", None, "ModelGated"),
        ("gated", "hf_poor", "ModelGated"),
        ("gated", "hf_unknown", "ModelGated"),
    ):
        with pytest.raises(HubProblem) as raised:
            place.files(name, token)
        assert raised.value.reason == reason, (name, token)
        assert "hf_" not in str(raised.value)
    for name in ("secret", "gated"):
        assert place.files(name, "hf_good").tensors == Tensors({"BF16": WEIGHT_BYTES // 2}, WEIGHT_BYTES)


COMMIT = "c" * 40
LISTED = f"/api/models/org/model/revision/{COMMIT}"


def listing(sizes: dict[str, int | None], **more: Any) -> tuple[int, dict[str, str], bytes]:
    siblings = [{"rfilename": path, "size": size} for path, size in sizes.items()]
    return 200, {}, json.dumps({"sha": COMMIT, "siblings": siblings, **more}).encode()


def resolve(path: str) -> str:
    return f"/org/model/resolve/{COMMIT}/{path}"


def test_a_mirror_without_ranges(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_facts, "_GGUF_FIRST_BYTES", 1000)
    write_gguf(tmp_path / "m.gguf", BLOCKS)
    server.answers = {
        LISTED: listing({"m.gguf": None}),
        resolve("m.gguf"): (200, {}, (tmp_path / "m.gguf").read_bytes()),
    }
    assert layers(HuggingFaceHub(server.endpoint).files("org/model", COMMIT)) == (2048, 2048)


def test_a_mirror_without_sizes(server: Server) -> None:
    names = shards(hub_facts.MAX_HEADERS + 1)
    index = json.dumps({"metadata": {"total_size": 99}}).encode()
    server.answers = {
        LISTED: listing({"config.json": None, INDEX: None, **dict.fromkeys(names)}),
        resolve("config.json"): (200, {}, json.dumps(CONFIG).encode()),
        resolve(INDEX): (200, {}, index),
    }
    hub = HuggingFaceHub(server.endpoint)
    assert hub.files("org/model", COMMIT) == ModelFiles(CONFIG, Tensors(total_bytes=99))
    server.answers[resolve(INDEX)] = (404, {"X-Error-Code": "EntryNotFound"}, b"")
    assert hub.files("org/model", COMMIT) == ModelFiles(CONFIG)


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ({"BF16": 500_000}, Tensors({"BF16": 500_000}, 1_000_000)),
        # GPTQ and AWQ: eight elements for each packed one.
        ({"I32": 4_000_000}, Tensors(total_bytes=1_001_000)),
        ({"Q9": 500_000}, Tensors(total_bytes=1_001_000)),
        ({"BF16": "many"}, Tensors(total_bytes=1_001_000)),
    ],
)
def test_the_hubs_count_must_agree_with_the_sizes(server: Server, counted: dict[str, Any], expected: Tensors) -> None:
    server.answers = {
        LISTED: listing(dict.fromkeys(shards(7), 143_000), safetensors={"parameters": counted}),
    }
    assert HuggingFaceHub(server.endpoint).files("org/model", COMMIT) == ModelFiles(tensors=expected)


def test_a_listing_that_is_too_long(server: Server) -> None:
    server.answers = {
        LISTED: (200, {}, b" " * (5 << 20)),
        resolve("config.json"): (200, {}, json.dumps(CONFIG).encode()),
    }
    found = HuggingFaceHub(server.endpoint).files("org/model", COMMIT)
    assert (found.config, found.missing) == (CONFIG, ("org/model has too many files to list.",))


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"siblings": [{}]}', b'{"siblings": 3}'])
def test_what_is_no_hub(server: Server, body: bytes) -> None:
    server.answers = {LISTED: (200, {}, body)}
    with pytest.raises(HubProblem, match="does not answer like a model hub"):
        HuggingFaceHub(server.endpoint).files("org/model", COMMIT)
