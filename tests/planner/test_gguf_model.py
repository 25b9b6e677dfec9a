"""The Model behind GGUF headers."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.files import Gguf
from modelberth.planner.gguf_model import MAX_LAYERS, model_of_gguf
from modelberth.planner.model import AttentionCache, Cache, LatentCache, StateCache
from tests.planner.gguf_shapes import SHAPES, gguf

CACHES: dict[str, dict[Cache | None, int]] = {
    "Llama 3.1 8B": {AttentionCache(8, 128, 128): 32},
    "Gemma 2 9B": {AttentionCache(8, 256, 256, 4096): 21, AttentionCache(8, 256, 256): 21},
    "Gemma 3 12B": {AttentionCache(8, 256, 256, 1024): 40, AttentionCache(8, 256, 256): 8},
    "GPT-OSS 20B": {AttentionCache(8, 64, 64, 128): 12, AttentionCache(8, 64, 64): 12},
    "DeepSeek V2 Lite": {LatentCache(576, 64): 27},
    "Mamba 2 2.7B": {StateCache(3 * (5120 + 2 * 128), 128 * 5120): 64},
    "Granite 4.0 H 1B": {StateCache(3 * (3072 + 2 * 128), 128 * 3072): 36, AttentionCache(4, 128, 128): 4},
    "Qwen3-Next 80B-A3B": {StateCache(3 * (4096 + 32 * 128), 128 * 4096): 36, AttentionCache(2, 256, 256): 12},
}


@pytest.mark.parametrize("name", CACHES)
def test_caches(name: str) -> None:
    assert Counter(layer.cache for layer in model_of_gguf(SHAPES[name]).layers) == CACHES[name]


def test_facts_of_a_model() -> None:
    model = model_of_gguf(SHAPES["Qwen3 30B-A3B"])
    assert (model.architecture, model.hidden_size, model.vocab_size, model.max_len) == (
        "qwen3moe",
        2048,
        151936,
        40960,
    )
    assert (model.attention_heads, model.kv_heads, model.intermediate_size) == (32, 4, 6144)
    assert (model.experts, model.experts_per_token, model.expert_inner_dim) == (128, 8, 768)
    assert not model.tied
    assert not model.estimated
    assert model.parameters == 16868229120 + 175030272 + 175038464, "as many as there are bytes"


def test_a_model_without_an_output_head_is_tied() -> None:
    assert model_of_gguf(SHAPES["Llama 3.2 1B"]).tied


def test_equal_layers_are_the_same_object() -> None:
    model = model_of_gguf(SHAPES["Gemma 3 12B"])
    assert len({id(layer) for layer in model.layers}) == 2


def layers(architecture: str, **keys: Any) -> list[Cache | None]:
    size = {"embedding_length": 1024, "attention__head_count": 8, "attention__head_count_kv": 4}
    model = model_of_gguf(gguf(architecture, (8, 1, 1), 100, **{"block_count": 4, **size, **keys}))
    return [layer.cache for layer in model.layers]


FULL = AttentionCache(4, 128, 128)
NARROW = AttentionCache(4, 128, 128, 64)


@pytest.mark.parametrize(
    ("architecture", "keys", "expected"),
    [
        ("llama", {"attention__sliding_window": 64}, [FULL] * 4),
        ("phi3", {"attention__sliding_window": 64}, [FULL] * 4),
        ("gemma3", {"attention__sliding_window": 0}, [FULL] * 4),
        ("cohere2", {"attention__sliding_window": 64}, [NARROW] * 3 + [FULL]),
        ("laguna", {"attention__sliding_window": 64}, [FULL] + [NARROW] * 3),
        (
            "cohere2",
            {"attention__sliding_window": 64, "attention__sliding_window_pattern": 2},
            [NARROW, FULL, NARROW, FULL],
        ),
        (
            "gemma4",
            {"attention__sliding_window": 64, "attention__sliding_window_pattern": [True, True, False]},
            [NARROW, NARROW, FULL, FULL],
        ),
        ("gemma4", {"attention__shared_kv_layers": 3}, [FULL, None, None, None]),
        ("llama4", {}, [AttentionCache(4, 128, 128, 8192)] * 3 + [FULL]),
        ("llama4", {"attention__sliding_window": 0}, [FULL] * 4),
        ("deci", {"attention__head_count_kv": [4, 0, 4, 0]}, [FULL, None, FULL, None]),
        ("glm4moe", {"nextn_predict_layers": 1}, [FULL] * 3),
        (
            "gemma4",
            {
                "attention__sliding_window": 64,
                "attention__sliding_window_pattern": [1, 0, 0, 0],
                "attention__key_length_swa": 32,
                "attention__value_length_swa": 16,
            },
            [AttentionCache(4, 32, 16, 64), FULL, FULL, FULL],
        ),
        (
            "nemotron_h",
            {
                "attention__head_count_kv": [0, 0, 4, 0],
                "feed_forward_length": [0, 512, 0, 0],
                "ssm__conv_kernel": 4,
                "ssm__inner_size": 32,
                "ssm__state_size": 2,
            },
            [StateCache(96, 64), None, FULL, StateCache(96, 64)],
        ),
        (
            "falcon-h1",
            {"block_count": 2, "ssm__conv_kernel": 4, "ssm__inner_size": 32, "ssm__state_size": 2},
            [FULL, StateCache(96, 64)] * 2,
        ),
        ("rwkv7", {"wkv__head_size": 64}, [StateCache(2048, 65536)] * 4),
        (
            "lfm2",
            {"attention__head_count_kv": [0, 4, 0, 4], "shortconv__l_cache": 3},
            [StateCache(2048, 0), FULL, StateCache(2048, 0), FULL],
        ),
        (
            "kimi-linear",
            {"attention__head_count_kv": [0, 4, 4, 4], "kda__head_dim": 16, "ssm__conv_kernel": 4},
            [StateCache(3 * 3 * 8 * 16, 16 * 16 * 8), FULL, FULL, FULL],
        ),
    ],
)
def test_caches_by_architecture(architecture: str, keys: dict[str, Any], expected: list[Cache | None]) -> None:
    assert layers(architecture, **keys) == expected


def test_predicting_layers_are_drafters() -> None:
    file = gguf("glm4moe", (80, 1, 1), 100, block_count=4, nextn_predict_layers=1, embedding_length=8)
    model = model_of_gguf(file)
    assert sum(matrix.elements for matrix in model.drafter) == 20
    assert model.parameters == 62


@pytest.mark.parametrize("metadata", [{}, {"general.architecture": 3}, {"general.architecture": "llama"}])
def test_an_empty_header_is_estimated(metadata: dict[str, Any]) -> None:
    assert model_of_gguf(Gguf(metadata=metadata, layer_bytes=(1, 2))).estimated


def test_caches_of_a_kind_of_their_own_are_estimated() -> None:
    assert model_of_gguf(gguf("deepseek4", (1, 1, 1), 1, block_count=1, embedding_length=8)).estimated


KEYS = (
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.key_length_mla",
    "attention.value_length_mla",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.shared_kv_layers",
    "attention.recurrent_layers",
    "full_attention_interval",
    "nextn_predict_layers",
    "feed_forward_length",
    "ssm.conv_kernel",
    "ssm.inner_size",
    "wkv.head_size",
    "shortconv.l_cache",
    "expert_used_count",
)
ARCHITECTURES = ("llama", "gemma3", "gemma3n", "gemma4", "lfm2", "llama4", "qwen3next", "falcon-h1", "nemotron_h", "")
VALUES = st.integers(-5, 2**70) | st.integers(0, 300) | st.lists(st.integers(-1, 9), max_size=5) | st.text() | st.none()


@given(st.sampled_from(ARCHITECTURES), st.dictionaries(st.sampled_from(KEYS), VALUES | st.booleans()))
def test_no_header_crashes_it(architecture: str, keys: dict[str, Any]) -> None:
    metadata = {f"{architecture}.{name}": value for name, value in keys.items()}
    model = model_of_gguf(Gguf({"general.architecture": architecture, **metadata}, layer_bytes=(1,) * 7))
    assert len(model.layers) <= 2 * MAX_LAYERS
    assert model.kv_heads >= 0
