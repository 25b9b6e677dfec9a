"""Facts of models from the hub that e2e uses, through the real client: what is known, and what it costs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.ports import hub_facts
from modelberth.ports.hub import HubProblem, HuggingFaceHub
from modelberth.ports.model_files.safetensors_index import INDEX
from tests.fakes.served_hub import GOOD, POOR, ServedHub, serving
from tests.ports.conftest import Server
from tests.ports.model_files.made import safetensors, write_gguf

CONFIG = {"model_type": "llama", "num_hidden_layers": 2}
BLOCKS = {"token_embd.weight": (8, 32), "blk.0.attn_q.weight": (32, 32), "blk.1.attn_q.weight": (32, 32)}
WEIGHT_BYTES = 2_000_000


def sent(lines: list[str]) -> int:
    return sum(int(line.split("sent=")[1].split()[0]) for line in lines)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedHub]:
    with serving(tmp_path) as hub:
        yield hub


def ask(served: ServedHub, name: str, token: str | None = None, **wish: Any) -> ModelFiles:
    hub = HuggingFaceHub(served.url, 2.0, token)
    return hub.files(f"org/{name}", hub.resolve(f"org/{name}", None), **wish)


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


def test_one_file(served: ServedHub) -> None:
    served.write("one", {"config.json": CONFIG, "model.safetensors": weights("model.layers.0.w", "model.layers.2.w")})
    half = WEIGHT_BYTES // 2
    assert ask(served, "one") == ModelFiles(CONFIG, Tensors({"BF16": half}, WEIGHT_BYTES, drafter_bytes=half))
    assert sent(served.requests(3)) < 200_000


def test_shards_that_the_hub_counts(served: ServedHub) -> None:
    served.write("shards", {"config.json": CONFIG, **sharded(3)})
    expected = Tensors({"BF16": 3 * WEIGHT_BYTES // 2}, 3 * WEIGHT_BYTES)
    assert ask(served, "shards") == ModelFiles(CONFIG, expected)
    served.requests(2)


def test_a_few_shards_that_it_does_not(served: ServedHub) -> None:
    """As with AWQ and GPTQ, where its count is not that of the stored elements."""
    files = sharded(2)
    del files[INDEX]
    served.write("shards", {"config.json": CONFIG, **files})
    assert ask(served, "shards").tensors == Tensors({"BF16": WEIGHT_BYTES}, 2 * WEIGHT_BYTES)
    assert sent(served.requests(4)) < 400_000


def test_of_many_shards_the_sizes_suffice(served: ServedHub) -> None:
    files = sharded(hub_facts.MAX_HEADERS + 1)
    del files[INDEX]
    served.write("shards", {"config.json": CONFIG, **files})
    found = ask(served, "shards").tensors
    assert found is not None
    assert found.parameters == {}
    assert found.total_bytes == pytest.approx(WEIGHT_BYTES * len(files), rel=1e-4)
    served.requests(2)


@pytest.mark.parametrize("indexed", [True, False])
def test_layers_for_drafting(served: ServedHub, indexed: bool) -> None:
    files = sharded(6)
    if not indexed:
        del files[INDEX]
    config = {**CONFIG, "num_hidden_layers": 5, "num_nextn_predict_layers": 1}
    served.write("drafts", {"config.json": config, **files})
    found = ask(served, "drafts").tensors
    assert found is not None
    assert found.drafter_bytes == (WEIGHT_BYTES if indexed else 0)
    served.requests(4 if indexed else 3)


def test_quantization_in_a_file_of_its_own(served: ServedHub) -> None:
    quantized = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}
    served.write("fp8", {"config.json": CONFIG, "hf_quant_config.json": quantized})
    with pytest.raises(HubProblem, match="no weights"):
        ask(served, "fp8")
    served.write("fp8", {"model.safetensors": weights("a")})
    config = ask(served, "fp8").config
    assert config == {**CONFIG, "quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}


def test_pickles_have_no_headers(served: ServedHub) -> None:
    served.write("old", {"config.json": CONFIG, "pytorch_model.bin": b"pickle"})
    assert ask(served, "old") == ModelFiles(CONFIG)


def gguf(served: ServedHub, name: str, file: str, tensors: Mapping[str, tuple[int, ...]] = BLOCKS) -> None:
    served.write(name, {})
    write_gguf(served.root / "org" / name / file, tensors)


def layers(files: ModelFiles) -> tuple[int, ...]:
    assert isinstance(files.gguf, Gguf)
    return files.gguf.layer_bytes


@pytest.mark.parametrize("wish", [{}, {"engine": "LlamaCpp"}, {"file": "m.gguf"}])
def test_gguf(served: ServedHub, wish: dict[str, Any]) -> None:
    gguf(served, "gguf", "m.gguf")
    gguf(served, "gguf", "mmproj-m.gguf")
    assert layers(ask(served, "gguf", **wish)) == (2048, 2048)
    served.requests(2)


def test_gguf_beside_safetensors(served: ServedHub) -> None:
    gguf(served, "both", "m.gguf")
    served.write("both", {"config.json": CONFIG, "model.safetensors": weights("a")})
    for engine in (None, "vLLM"):
        assert ask(served, "both", engine=engine) == ModelFiles(
            CONFIG, Tensors({"BF16": WEIGHT_BYTES // 2}, WEIGHT_BYTES)
        )
    found = ask(served, "both", engine="LlamaCpp")
    assert layers(found) == (2048, 2048)
    assert (found.config, found.tensors) == (CONFIG, None)


def test_a_header_that_takes_several_ranges(served: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_facts, "_GGUF_FIRST_BYTES", 1000)
    gguf(served, "gguf", "m.gguf", {**BLOCKS, "blk.2.ffn_up_exps.weight": (1000, 32, 32)})
    assert layers(ask(served, "gguf")) == (2048, 2048, 2_048_000)
    lines = served.requests(6)
    ranges = [line.split("range=")[1].split()[0] for line in lines[1:]]
    assert ranges == ["bytes=0-999", "bytes=1000-1999", "bytes=2000-3999", "bytes=4000-7999", "bytes=8000-15999"]
    assert sent(lines) < 20_000


def test_a_split_gguf(served: ServedHub) -> None:
    gguf(served, "split", "m-00001-of-00002.gguf", {"blk.0.attn_q.weight": (32, 32)})
    gguf(served, "split", "m-00002-of-00002.gguf", {"blk.1.attn_q.weight": (32, 32)})
    assert layers(ask(served, "split", file="m-00001-of-00002.gguf")) == (2048, 2048)


@pytest.mark.parametrize(
    ("wish", "reason", "why"),
    [
        ({}, "UnsupportedModel", "GGUF files only"),
        ({"engine": "LlamaCpp"}, "UnsupportedModel", "has 2 GGUF models"),
        ({"file": "c.gguf"}, "ModelNotFound", "has no file c.gguf"),
    ],
)
def test_what_the_fetcher_would_refuse(served: ServedHub, wish: dict[str, Any], reason: str, why: str) -> None:
    gguf(served, "two", "a.gguf")
    gguf(served, "two", "b.gguf")
    with pytest.raises(HubProblem, match=why) as raised:
        ask(served, "two", **wish)
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
def test_damage(served: ServedHub, files: dict[str, Any], why: str) -> None:
    served.write("bad", files)
    with pytest.raises(HubProblem, match=why) as raised:
        ask(served, "bad")
    assert raised.value.reason == "CheckpointCorrupt"


def test_what_only_we_cannot_read_is_told(served: ServedHub) -> None:
    served.write("huge", {"config.json": CONFIG, "model.safetensors": (50_000_000).to_bytes(8, "little") + bytes(100)})
    found = ask(served, "huge")
    assert (found.config, found.tensors) == (CONFIG, None)
    assert "model.safetensors of org/huge: its header would have 50000000 bytes" in found.missing[0]


def test_config_json_is_worth_having_without_the_headers(served: ServedHub) -> None:
    served.write("one", {"config.json": CONFIG, "model.safetensors": weights("a")})
    served.faults.cut_after, served.faults.cuts = 5, 2
    with pytest.raises(HubProblem, match="HubUnreachable"):
        ask(served, "one")
    served.faults.cut_after, served.faults.cuts = 1000, 1
    found = ask(served, "one")
    assert found.config == CONFIG
    assert found.missing[0].startswith("Cannot reach http://127.0.0.1")


def test_who_may_read(served: ServedHub) -> None:
    files = {"config.json": CONFIG, "model.safetensors": weights("a")}
    served.write("secret", {**files, ".hub.json": {"private": True}})
    served.write("gated", {**files, ".hub.json": {"gated": "manual"}})
    for name, token, reason in (
        ("secret", None, "ModelNotFound"),
        ("secret", POOR, "ModelNotFound"),
        ("gated", None, "ModelGated"),
        ("gated", POOR, "ModelGated"),
        ("gated", "hf_unknown", "ModelGated"),
    ):
        with pytest.raises(HubProblem) as raised:
            ask(served, name, token)
        assert raised.value.reason == reason, (name, token)
        assert "hf_" not in str(raised.value)
    for name in ("secret", "gated"):
        assert ask(served, name, GOOD).tensors == Tensors({"BF16": WEIGHT_BYTES // 2}, WEIGHT_BYTES)


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
