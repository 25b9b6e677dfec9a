"""What engines say of their KV cache: texts of real pods, of older versions, and of pods that say anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import EngineType, Spec
from modelberth.engines.capacity import MAX_ROW, MAX_ROWS, Capacity, capacity_of, rows
from modelberth.engines.catalogue import ENGINES
from tests.engines.specs import ENGINE_TYPES, document

CAPTURES = Path(__file__).parent / "captures"
VLLM_OLD = {"block_size": "16", "cache_dtype": "auto", "num_gpu_blocks": "25626", "sliding_window": "None"}


def spec(engine: EngineType, **fields: Any) -> Spec:
    return Spec.model_validate(document(engine, **fields))


def said(engine: EngineType, text: str, **fields: Any) -> Capacity | None:
    """What the text says of a pod of 2048 tokens per request."""
    return ENGINES[engine].capacity(text, spec(engine, **{"maxModelLen": 2048, **fields}))


def row(name: str, value: object = 1.0, **labels: object) -> str:
    inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{inner}}} {value}\n"


def vllm(**labels: object) -> str:
    return row("vllm:cache_config_info", **labels)


def sglang(value: object, **labels: object) -> str:
    return row("sglang:max_total_num_tokens", value, model_name="m", **labels)


@pytest.mark.parametrize(
    ("capture", "engine", "capacity"),
    [
        # The engines' own logs of those starts: 69,888 tokens, 34.12x; twice 11,648 tokens, 5.69x; 16384; 4 x 2048.
        ("vllm-0.32.0.txt", "vLLM", Capacity(69_888, 34.125)),
        ("vllm-0.32.0-data-2.txt", "vLLM", Capacity(2 * 11_648, 2 * 5.6875)),
        ("sglang-0.5.23.txt", "SGLang", Capacity(16_384, 8.0)),
        ("llama-cpp-b11669.json", "LlamaCpp", Capacity(8192, 4.0)),
    ],
)
def test_real_pods(capture: str, engine: EngineType, capacity: Capacity) -> None:
    assert said(engine, (CAPTURES / capture).read_text(encoding="utf-8")) == capacity


def test_vllm_named_only_blocks_before() -> None:
    assert said("vLLM", vllm(**VLLM_OLD)) == Capacity(25_626 * 16, None)
    # Every rank's row holds the blocks of all of them.
    assert said("vLLM", vllm(**VLLM_OLD, engine="0") + vllm(**VLLM_OLD, engine="1")) == Capacity(25_626 * 16, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# TYPE vllm:cache_config_info gauge\n",
        vllm(block_size="16", num_gpu_blocks="None"),
        vllm(num_gpu_blocks="100"),
        vllm(**VLLM_OLD, mamba_block_size="400"),
        vllm(kv_cache_size_tokens="nan", kv_cache_max_concurrency="1.0"),
        vllm(kv_cache_size_tokens="0"),
        vllm(kv_cache_size_tokens="-5"),
        vllm(kv_cache_size_tokens="1e300"),
        row("vllm:cache_config_info_of_another", **VLLM_OLD),
        'vllm:cache_config_info{block_size="16"',
    ],
)
def test_vllm_says_nothing_that_can_be_used(text: str) -> None:
    assert said("vLLM", text) is None


def test_a_concurrency_that_is_none_is_left_out() -> None:
    assert said("vLLM", vllm(kv_cache_size_tokens="4096", kv_cache_max_concurrency="None")) == Capacity(4096, None)


def test_sglang_adds_data_ranks_and_not_the_others() -> None:
    ranks = [(0, 0, 0, 900), (0, 1, 0, 905), (0, 0, 1, 1000), (1, 0, 0, 800), (1, 1, 0, 800)]
    text = "".join(sglang(tokens, dp_rank=data, tp_rank=tensor, pp_rank=stage) for data, tensor, stage, tokens in ranks)
    assert said("SGLang", text) == Capacity(1700, None)
    assert said("SGLang", text + row("sglang:context_len", 500, dp_rank=0)) == Capacity(1700, 3.4)


@pytest.mark.parametrize("text", ["", sglang("NaN"), sglang("+Inf"), sglang(0), sglang(-1), sglang("many")])
def test_sglang_says_nothing_that_can_be_used(text: str) -> None:
    assert said("SGLang", text) is None


def props(length: object, slots: object) -> str:
    return json.dumps({"default_generation_settings": {"n_ctx": length}, "total_slots": slots})


def test_slots_that_share_one_pool_each_see_all_of_it() -> None:
    assert said("LlamaCpp", props(8192, 4), maxModelLen=None) == Capacity(8192, 1.0)
    asked = document("LlamaCpp", maxModelLen=2048) | {"engine": {"type": "LlamaCpp", "args": ["--kv_unified"]}}
    assert ENGINES["LlamaCpp"].capacity(props(8192, 4), Spec.model_validate(asked)) == Capacity(8192, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 100_000,
        props(None, 4),
        props("x", 4),
        props(0, 4),
        props(float("inf"), 4),
        "9" * 9999,
    ],
)
def test_llama_cpp_says_nothing_that_can_be_used(text: str) -> None:
    assert said("LlamaCpp", text) is None


def test_only_llama_cpp_hides_it_behind_the_key() -> None:
    key = {"apiKeySecretRef": {"name": "keys", "key": "api-key"}}
    assert ENGINES["LlamaCpp"].capacity_path(spec("LlamaCpp", **key)) is None
    assert ENGINES["LlamaCpp"].capacity_path(spec("LlamaCpp")) == "/props"
    assert ENGINES["vLLM"].capacity_path(spec("vLLM", **key)) == "/metrics"


@given(st.integers(1, 2**50), st.integers(1, 8), st.integers(1, 8))
def test_any_number_of_ranks(tokens: int, data: int, tensor: int) -> None:
    of_vllm = "".join(vllm(kv_cache_size_tokens=tokens, num_gpu_blocks=7, engine=rank) for rank in range(data))
    assert said("vLLM", of_vllm) == Capacity(tokens * data, None)
    of_sglang = "".join(sglang(tokens, dp_rank=rank // tensor, tp_rank=rank) for rank in range(data * tensor))
    assert said("SGLang", of_sglang) == Capacity(tokens * data, None)


WORDS = (
    "vllm:cache_config_info{",
    "sglang:max_total_num_tokens",
    "sglang:context_len{}",
    'engine="',
    " 1",
    "NaN",
    "e9",
)
SIGNS = ('"', "}", "{", "[", ",", "\\", "#", "=", "-", "\n", "\r", "\x85", "\x00")
SAYINGS = st.sampled_from(WORDS + SIGNS)


@given(st.lists(SAYINGS | st.text(max_size=4)).map("".join), st.sampled_from(ENGINE_TYPES))
def test_no_text_breaks_it(text: str, engine: EngineType) -> None:
    capacity = said(engine, text)
    assert capacity is None or capacity.kv_tokens >= 1


@given(st.none() | st.floats(), st.none() | st.floats())
def test_only_numbers_of_tokens_pass(tokens: float | None, concurrency: float | None) -> None:
    capacity = capacity_of(tokens, concurrency)
    assert (capacity is not None) == (tokens is not None and 1 <= tokens <= 2**53)
    if capacity is not None:
        assert capacity.max_concurrency is None or 0 < capacity.max_concurrency <= 2**53


def test_rows_are_bounded() -> None:
    assert rows(row("m", engine="x" * MAX_ROW), "m") == []
    assert len(rows("".join(row("m", engine=rank) for rank in range(MAX_ROWS + 9)), "m")) == MAX_ROWS
