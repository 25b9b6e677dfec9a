"""Conversions that a wrong model would survive: it would still answer, only badly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from e2e.models.checkpoint import _to_bfloat16
from e2e.models.gguf_model import _undo_rope_permutation
from e2e.models.quantize import GROUP_SIZE, quantize_awq, quantize_gptq
from e2e.models.safetensors_file import write_safetensors
from e2e.models.tokenizer import write_tokenizer

RANDOM = np.random.default_rng(7)


def unpack(packed: NDArray[np.int32], order: tuple[int, ...]) -> NDArray[np.int64]:
    """int32 (rows, n) -> 4-bit values (rows, 8 n), the inverse of packing."""
    values = np.zeros((packed.shape[0], packed.shape[1], 8), dtype=np.int64)
    for position, column in enumerate(order):
        values[:, :, column] = (packed.view(np.uint32) >> np.uint32(4 * position)) & np.uint32(15)
    return values.reshape(packed.shape[0], -1)


@pytest.fixture
def weight() -> NDArray[np.float32]:
    return RANDOM.normal(size=(16, 2 * GROUP_SIZE)).astype(np.float32)


def test_awq_dequantizes_to_within_half_a_step(weight: NDArray[np.float32]) -> None:
    awq = quantize_awq(weight)
    order = (0, 2, 4, 6, 1, 3, 5, 7)
    scales = np.repeat(awq["scales"].astype(np.float32), GROUP_SIZE, axis=0)
    zeros = np.repeat(unpack(awq["qzeros"], order), GROUP_SIZE, axis=0)
    restored = (unpack(awq["qweight"], order) - zeros) * scales
    # Half a step of rounding the value and half a step of rounding the zero point.
    assert np.all(np.abs(restored - weight.T) <= 1.01 * scales)
    assert {name: part.shape for name, part in awq.items()} == {
        "qweight": (128, 2),
        "qzeros": (2, 2),
        "scales": (2, 16),
    }


def test_gptq_dequantizes_to_within_half_a_step(weight: NDArray[np.float32]) -> None:
    gptq = quantize_gptq(weight)
    plain = tuple(range(8))
    scales = gptq["scales"].astype(np.float32)[gptq["g_idx"]]
    zeros = unpack(gptq["qzeros"], plain)[gptq["g_idx"]] + 1
    restored = (unpack(gptq["qweight"].T, plain).T - zeros) * scales
    assert np.all(np.abs(restored - weight.T) <= 0.51 * scales)
    assert gptq["qweight"].shape == (16, 16)


def test_the_rope_permutation_is_undone() -> None:
    heads, dimension, columns = 3, 8, 4
    original = RANDOM.normal(size=(heads * dimension, columns)).astype(np.float32)
    # convert_hf_to_gguf.py, LlamaModel.permute
    stored = original.reshape(heads, 2, dimension // 2, columns).swapaxes(1, 2).reshape(original.shape)
    assert np.array_equal(_undo_rope_permutation(stored, heads), original)


def test_bfloat16_rounds_to_nearest_even() -> None:
    cases = {1.0: 0x3F80, 1.0 + 2**-8: 0x3F80, 1.0 + 3 * 2**-8: 0x3F82, -2.5: 0xC020}
    assert _to_bfloat16(np.array(list(cases), dtype=np.float32)).tolist() == list(cases.values())


def test_the_safetensors_file_is_read_by_the_library(tmp_path: Path) -> None:
    half = np.arange(6, dtype=np.float16).reshape(2, 3)
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {"z": ("float16", half), "a": ("bfloat16", np.array([0x3F80], dtype=np.uint16))})
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == ["a", "z"]
        assert np.array_equal(file.get_tensor("z"), half)
        assert file.get_slice("a").get_dtype() == "BF16"


def test_the_tokenizer_splits_digits_and_keeps_special_tokens(tmp_path: Path) -> None:
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"12ab", "Ġ", "12", "ab", "Ġa"]
    names = {"bos": 1, "eos": 2, "padding": 2, "unknown": 0}
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3] * 3 + [1] * 8,
        "tokenizer.ggml.merges": ["1 2", "a b", "Ġ a"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{{ messages }}",
        "llama.context_length": 8192,
        **{f"tokenizer.ggml.{name}_token_id": number for name, number in names.items()},
    }
    write_tokenizer(metadata, tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("<|im_start|>12ab a").tokens == ["<|im_start|>", "1", "2", "ab", "Ġa"]
    assert tokenizer.decode([9, 10], skip_special_tokens=True) == "ab a"
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["eos_token"], config["chat_template"]) == ("<|im_end|>", "{{ messages }}")


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    metadata = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default"}
    with pytest.raises(ValueError, match="not SmolLM's"):
        write_tokenizer(metadata, tmp_path)
