"""The budget before there is a plan, and the one fact it is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.budget import ASSUMED_KV_BYTES_PER_TOKEN, GIB, provisional_budget
from modelberth.planner.facts import kv_bytes_per_token

LLAMA3_8B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LLAMA3_8B, 2 * 32 * 8 * 128 * 2),
        ({**LLAMA3_8B, "head_dim": 64}, 2 * 32 * 8 * 64 * 2),
        ({"text_config": LLAMA3_8B, "num_hidden_layers": 1}, 2 * 32 * 8 * 128 * 2),
        ({name: LLAMA3_8B[name] for name in LLAMA3_8B if name != "num_key_value_heads"}, 2 * 32 * 32 * 128 * 2),
        ({}, None),
        ({**LLAMA3_8B, "num_hidden_layers": "32"}, None),
        ({**LLAMA3_8B, "num_hidden_layers": -1}, None),
        ({**LLAMA3_8B, "num_attention_heads": 0, "num_key_value_heads": 0}, None),
    ],
)
def test_kv_cache_of_one_token(config: dict[str, Any], expected: int | None) -> None:
    assert kv_bytes_per_token(config) == expected


def test_the_assumption_is_llama3_8b() -> None:
    assert kv_bytes_per_token(LLAMA3_8B) == ASSUMED_KV_BYTES_PER_TOKEN


def test_half_of_the_usable_limit_is_kv_cache_on_the_cpu() -> None:
    budget = provisional_budget("CPU", 0.5, 16 * GIB, kv_bytes_per_token=GIB)
    assert (budget.cpu_kv_bytes, budget.cpu_kv_tokens) == (4 * GIB, 4)


def test_a_gpu_has_no_budget_on_the_cpu_and_sglang_keeps_its_graph_share() -> None:
    budget = provisional_budget("GPU", 0.9, 16 * GIB, None)
    assert (budget.memory_fraction, budget.cpu_kv_bytes, budget.cpu_kv_tokens) == (0.85, 0, 0)


@given(
    st.floats(min_value=0, max_value=1, exclude_min=True),
    st.integers(0, 2**45),
    st.none() | st.integers(1, 2**24),
)
def test_a_budget_stays_within_what_it_may_use(utilization: float, limit: int, per_token: int | None) -> None:
    budget = provisional_budget("CPU", utilization, limit, per_token)
    assert 0 < budget.memory_fraction <= max(utilization, 0.01)
    assert 0 <= budget.cpu_kv_bytes <= limit * utilization
    assert budget.cpu_kv_tokens * (per_token or ASSUMED_KV_BYTES_PER_TOKEN) <= budget.cpu_kv_bytes
