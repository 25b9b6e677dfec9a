"""The worked examples of the design notes: what vLLM 0.7.3 logged on real GPUs."""

from typing import Any

import pytest

from modelberth.api.spec import Spec
from modelberth.planner.files import ModelFiles
from modelberth.planner.plan import Plan
from modelberth.planner.planning import plan_once
from modelberth.planner.request import PlanRequest

LLAMA_3 = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "intermediate_size": 14336,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}
LLAMA_31 = LLAMA_3 | {"max_position_embeddings": 131072}
QWEN_25_7B = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "intermediate_size": 18944,
    "max_position_embeddings": 32768,
    "torch_dtype": "bfloat16",
}


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
    plan = plan_of(LLAMA_31, gpuMemoryUtilization=utilization, maxModelLen=4096)
    assert plan.per_gpu is not None
    assert plan.per_gpu.budget_gib == pytest.approx(budget, abs=0.01)
    assert plan.per_gpu.weights_gib == pytest.approx(14.99, abs=0.01)
    assert plan.per_gpu.kv_cache_gib == pytest.approx(kv_cache, rel=0.02)
    assert plan.fits


def test_qwen_25_7b_on_two_4090s() -> None:
    plan = plan_of(QWEN_25_7B, parallelism={"tensor": 2}, maxModelLen=32768)
    assert plan.kv_cache_tokens == pytest.approx(25_626 * 16, rel=0.03)
    assert plan.max_concurrency == pytest.approx(12.51, rel=0.03)


@pytest.mark.parametrize(
    "quantization",
    [
        {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True, "desc_act": False},
    ],
)
def test_llama_3_8b_in_four_bits(quantization: dict[str, Any]) -> None:
    plan = plan_of(LLAMA_3 | {"quantization_config": quantization}, maxModelLen=8192)
    assert plan.per_gpu is not None
    assert plan.per_gpu.weights_gib == pytest.approx(5.33, rel=0.01)
