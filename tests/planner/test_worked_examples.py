"""The worked examples of the design notes: what vLLM 0.7.3 logged on real GPUs."""

from typing import Any

import pytest

from modelberth.api.spec import Spec
from modelberth.planner.files import ModelFiles
from modelberth.planner.plan import Plan
from modelberth.planner.planning import plan_once
from modelberth.planner.request import PlanRequest
from tests.planner.shapes import AWQ, GPTQ, LLAMA_3_8B, LLAMA_31_8B, QWEN_25_7B


def plan_of(config: dict[str, Any], **fields: Any) -> Plan:
    record = {
        "model": {"uri": "hf://org/model"},
        "engine": {"type": "vLLM", "image": "vllm/vllm-openai:v0.7.3"},
        "gpu": {"type": "NVIDIA-GeForce-RTX-4090", "memoryGiB": 23.65},
        **fields,
    }
    return plan_once(PlanRequest(Spec.model_validate(record), (0, 7, 3), ModelFiles(config=config)))


@pytest.mark.parametrize(("utilization", "budget", "kv_cache"), [(0.90, 21.28, 5.01), (0.95, 22.47, 6.19)])
def test_llama_31_8b_on_a_4090(utilization: float, budget: float, kv_cache: float) -> None:
    plan = plan_of(LLAMA_31_8B, gpuMemoryUtilization=utilization, maxModelLen=4096)
    assert plan.per_gpu is not None
    assert plan.per_gpu.budget_gib == pytest.approx(budget, abs=0.01)
    assert plan.per_gpu.weights_gib == pytest.approx(14.99, abs=0.01)
    assert plan.per_gpu.kv_cache_gib == pytest.approx(kv_cache, rel=0.02)
    assert plan.fits


def test_qwen_25_7b_on_two_4090s() -> None:
    plan = plan_of(QWEN_25_7B, parallelism={"tensor": 2}, maxModelLen=32768)
    assert plan.kv_cache_tokens == pytest.approx(25_626 * 16, rel=0.03)
    assert plan.max_concurrency == pytest.approx(12.51, rel=0.03)


@pytest.mark.parametrize("quantization", [AWQ, GPTQ])
def test_llama_3_8b_in_four_bits(quantization: dict[str, Any]) -> None:
    plan = plan_of(LLAMA_3_8B | {"quantization_config": quantization}, maxModelLen=8192)
    assert plan.per_gpu is not None
    assert plan.per_gpu.weights_gib == pytest.approx(5.33, rel=0.01)
