"""SGLang's budget: a static share holds weights and pool."""

from typing import Any

import pytest

from modelberth.api.spec import Spec
from modelberth.planner.budgets.budget import Budget, Situation
from modelberth.planner.budgets.sglang import SHORT_KV_CACHE, budget
from modelberth.planner.plan import DOES_NOT_FIT
from modelberth.planner.planning import plan_once, situation_of
from modelberth.planner.request import PlanRequest
from tests.planner.shapes import (
    DEEPSEEK_V32,
    GEMMA_3_27B,
    GPT_OSS_20B,
    LLAMA_31_8B,
    LLAMA_31_70B,
    QWEN_3_8B,
    QWEN_3_NEXT,
    model,
)


def planned(config: dict[str, Any] = LLAMA_31_8B, version: tuple[int, ...] = (0, 5, 4), **fields: Any) -> Budget:
    fraction = fields.pop("fraction", None)
    engine = {"type": "SGLang", "args": fields.pop("args", [])}
    spec = {"model": {"uri": "hf://org/name"}, "gpu": {"type": "NVIDIA-L40S"}, "maxModelLen": 8192, **fields}
    request = PlanRequest(Spec.model_validate(spec | {"engine": engine}), version, memory_fraction=fraction)
    made = situation_of(request, model(config))
    assert isinstance(made, Situation)
    return budget(made)


def test_the_rule_of_the_pool() -> None:
    """Logged: 298,447 tokens on four GPUs of 24 GB at 0.8 (16.00 of 23.08 GiB free after loading Qwen3-14B)."""
    config = QWEN_3_8B | {
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "intermediate_size": 17408,
    }
    made = planned(config, parallelism={"tensor": 4}, gpu={"memoryGiB": 23.65}, fraction=0.8)
    assert made.kv_tokens == pytest.approx(298_447, rel=0.02)


def test_utilization_means_the_same_everywhere() -> None:
    """The engine is told less than the share: activations and graphs live outside of what it counts."""
    made = planned(gpuMemoryUtilization=0.9)
    assert 0.8 < made.launch.memory_fraction < 0.9
    assert made.budget == pytest.approx(0.9 * 44.39 * 2**30, rel=0.001)
    assert made.budget == made.weights + made.activation + made.overhead + made.kv_cache
    assert planned(fraction=0.77).launch.memory_fraction == 0.77


def test_a_short_pool_does_not_fit_a_length_that_was_asked_for_and_is_a_warning_otherwise() -> None:
    asked = planned(gpu={"type": "NVIDIA-L4"}, maxModelLen=131072)
    assert [finding.reason for finding in asked.problems] == [SHORT_KV_CACHE]
    assert not asked.warnings
    own = planned(gpu={"type": "NVIDIA-L4"}, maxModelLen=None)
    assert not own.problems
    assert [finding.reason for finding in own.warnings] == [SHORT_KV_CACHE]
    spec = {"model": {"uri": "hf://org/name"}, "engine": {"type": "SGLang"}, "gpu": {"type": "NVIDIA-L4"}}
    assert plan_once(PlanRequest(Spec.model_validate(spec), (0, 5, 4))).fits is None


def test_no_pool_at_all() -> None:
    made = planned(LLAMA_31_70B)
    assert [finding.reason for finding in made.problems] == [DOES_NOT_FIT]
    assert made.kv_tokens == 0


def test_attention_of_data_ranks() -> None:
    """Eight GPUs, each with all of the attention and an eighth of the experts."""
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-B200"}, "parallelism": {"tensor": 8, "data": 8}}
    shared = planned(DEEPSEEK_V32, **fields)
    ranks = planned(DEEPSEEK_V32, args=["--enable-dp-attention"], **fields)
    assert ranks.weights > shared.weights
    # fp8 is the default of sparse attention on Blackwell.
    assert ranks.kv_cache * 8 / ranks.kv_tokens == pytest.approx(61 * (656 + 132), rel=0.001)


def test_states_have_a_pool() -> None:
    made = planned(QWEN_3_NEXT, gpu={"type": "NVIDIA-H200"}, parallelism={"tensor": 2})
    few = planned(
        QWEN_3_NEXT, gpu={"type": "NVIDIA-H200"}, parallelism={"tensor": 2}, args=["--max-mamba-cache-size", "1"]
    )
    assert few.kv_cache == pytest.approx(1.9 * made.kv_cache, rel=0.01)


def test_windows_have_a_pool_since_0_5() -> None:
    def cell(config: dict[str, Any], version: tuple[int, ...]) -> float:
        made = planned(config, version, gpu={"type": "NVIDIA-H200"})
        return made.kv_cache / made.kv_tokens

    assert cell(GPT_OSS_20B, (0, 4, 6)) == pytest.approx(24 * 2048, rel=0.001)
    assert cell(GPT_OSS_20B, (0, 5, 4)) == pytest.approx(12 * 2048 * 1.8, rel=0.001)
    assert cell(GEMMA_3_27B, (0, 5, 4)) == cell(GEMMA_3_27B, (0, 4, 6))


def test_arguments_move_memory() -> None:
    plain = planned()
    assert planned(args=["--disable-cuda-graph"]).kv_tokens > plain.kv_tokens
    assert planned(args=["--chunked-prefill-size", "32768"]).activation > plain.activation
