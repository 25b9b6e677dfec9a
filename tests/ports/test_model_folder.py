"""Facts from folders as they are: whole checkpoints, copies of a few files, GGUF, and damage."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.files import ModelFiles, Tensors
from modelberth.ports.model_files.safetensors_index import INDEX
from modelberth.ports.model_folder import FolderProblem, read_folder
from tests.ports.model_files.made import safetensors, write_gguf

CONFIG = {"model_type": "llama", "num_hidden_layers": 2}
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
BLOCK = {"token_embd.weight": (8, 32), "blk.0.attn_q.weight": (32, 32)}


def write(folder: Path, **files: Any) -> Path:
    """Files by name, dots as they are; bytes, or anything as JSON."""
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def shard(layer: int) -> bytes:
    return safetensors((f"model.layers.{layer}.w", "BF16", (2, 4), 16))


def test_config_json_alone(tmp_path: Path) -> None:
    assert read_folder(write(tmp_path, **{"config.json": CONFIG})) == ModelFiles(config=CONFIG)


def test_a_whole_checkpoint(tmp_path: Path) -> None:
    files = {"config.json": CONFIG, SHARDS[0]: shard(1), SHARDS[1]: shard(2), INDEX: {"metadata": {"total_size": 7}}}
    expected = Tensors({"BF16": 16}, total_bytes=32, drafter_bytes=16)
    assert read_folder(write(tmp_path, **files)) == ModelFiles(CONFIG, expected)


def test_a_second_copy_does_not_count(tmp_path: Path) -> None:
    files = {"model.safetensors": shard(0), "consolidated.safetensors": shard(0), "model.fp16.safetensors": shard(0)}
    assert read_folder(write(tmp_path, **files)).tensors == Tensors({"BF16": 8}, 16)


@pytest.mark.parametrize("there", [[], SHARDS[:1]])
def test_the_index_stands_for_files_that_are_not_there(tmp_path: Path, there: list[str]) -> None:
    write(tmp_path, **{INDEX: {"metadata": {"total_size": 123}}, **dict.fromkeys(there, shard(0))})
    assert read_folder(tmp_path) == ModelFiles(tensors=Tensors(total_bytes=123))


@pytest.mark.parametrize(
    ("config", "quantized"),
    [
        (CONFIG, {"quant_method": "modelopt", "quant_algo": "FP8"}),
        ({**CONFIG, "quantization_config": {"quant_method": "fp8"}}, {"quant_method": "fp8"}),
    ],
)
def test_quantization_in_a_file_of_its_own(tmp_path: Path, config: dict[str, Any], quantized: dict[str, Any]) -> None:
    old = {"quantization": {"quant_algo": "FP8"}}
    found = read_folder(write(tmp_path, **{"config.json": config, "hf_quant_config.json": old})).config
    assert found is not None
    assert found["quantization_config"] == quantized


def test_gguf(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", BLOCK)
    write_gguf(tmp_path / "mmproj.gguf", {"v.blk.0.x": (4, 32)})
    for path in (tmp_path, tmp_path / "tiny.gguf"):
        found = read_folder(path).gguf
        assert found is not None
        assert found.layer_bytes == (2048,)


def test_of_several_gguf_one_must_be_named(tmp_path: Path) -> None:
    write_gguf(tmp_path / "q4.gguf", BLOCK)
    write_gguf(tmp_path / "q8.gguf", BLOCK, "Q8_0")
    with pytest.raises(FolderProblem, match=r"holds 2 GGUF models.*q4\.gguf, q8\.gguf"):
        read_folder(tmp_path)
    named = read_folder(tmp_path / "q8.gguf").gguf
    assert named is not None
    assert named.file_type == "Q8_0"
    assert read_folder(write(tmp_path, **{"config.json": CONFIG})) == ModelFiles(CONFIG)


def test_a_split_gguf(tmp_path: Path) -> None:
    first, second = (tmp_path / f"m-0000{part}-of-00002.gguf" for part in (1, 2))
    write_gguf(first, {"token_embd.weight": (8, 32)})
    write_gguf(second, {"blk.0.attn_q.weight": (32, 32)})
    for path in (tmp_path, first):
        found = read_folder(path).gguf
        assert found is not None
        assert (found.embedding_bytes, found.layer_bytes) == (512, (2048,))
    with pytest.raises(FolderProblem, match="not the first part"):
        read_folder(second)
    second.unlink()
    with pytest.raises(FolderProblem, match="1 of 2 parts"):
        read_folder(first)


def test_links_are_followed(tmp_path: Path) -> None:
    """The cache of huggingface-hub is a folder of links."""
    write(tmp_path, blob=CONFIG)
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "config.json").symlink_to("../blob")
    assert read_folder(snapshot).config == CONFIG


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, r"holds no config\.json"),
        ({"README.md": b"hello"}, r"holds no config\.json"),
        ({"config.json": b"{"}, r"config\.json: it is not JSON\."),
        ({"config.json": b"[]"}, r"config\.json: it is not a JSON object\."),
        ({"config.json": b"[" * 100_000}, r"config\.json: it is not JSON\."),
        ({"config.json": b" " * (2 << 20)}, r"config\.json: it is larger than"),
        ({"model.safetensors": b"version https://git-lfs"}, r"model\.safetensors: its header would have"),
        ({"model.gguf": b"GGUF"}, r"model\.gguf: it ends within its header\."),
        ({"model.bin.safetensors": b"\x05" + bytes(7) + b"[1,2]"}, "no JSON object"),
    ],
)
def test_damage_is_named(tmp_path: Path, files: dict[str, Any], why: str) -> None:
    with pytest.raises(FolderProblem, match=why):
        read_folder(write(tmp_path, **files))


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FolderProblem, match="No such file"):
        read_folder(tmp_path / "absent")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(FolderProblem, match="holds no"):
        read_folder(tmp_path)


def test_what_cannot_be_read_is_told_beside_what_can(tmp_path: Path) -> None:
    huge = (50_000_000).to_bytes(8, "little")
    found = read_folder(write(tmp_path, **{"config.json": CONFIG, "model.safetensors": huge}))
    assert (found.config, found.tensors) == (CONFIG, None)
    assert len(found.missing) == 1
    assert "its header would have 50000000 bytes" in found.missing[0]
