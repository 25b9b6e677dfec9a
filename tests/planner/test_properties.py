"""What must hold for every plan. PLANNER_CASES=10000 asks for more cases than the few hundred of every run."""

import json
import math
import os
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from modelberth.api.spec import Spec
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.planner.plan import Plan
from modelberth.planner.planning import plan, plan_once
from modelberth.planner.request import PlanRequest

CASES = int(os.environ.get("PLANNER_CASES", "150"))
many = settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

VERSIONS: dict[str, list[tuple[int, ...]]] = {
    "vLLM": [(0, 6, 3), (0, 7, 3), (0, 8, 5), (0, 10, 2), (0, 15), (0, 19), (0, 21), (0, 26), (0, 32)],
    "SGLang": [(0, 4, 6), (0, 5, 4), (0, 5, 23)],
    "LlamaCpp": [(5000,), (11669,)],
}
GPUS: list[str | None] = [
    "NVIDIA-L4",
    "NVIDIA-A100-SXM4-80GB",
    "NVIDIA-H200",
    "NVIDIA-B200",
    "NVIDIA-GB10",
    "Tesla-T4",
    None,
]
ARGS: list[list[str]] = [
    [],
    ["--enforce-eager"],
    ["--enable-expert-parallel"],
    ["--max-num-batched-tokens=4096"],
    ["--enable-lora", "--max-lora-rank", "64"],
    ["--speculative-config", '{"method": "mtp", "num_speculative_tokens": 1}'],
    ["--chunked-prefill-size", "-1", "--disable-cuda-graph"],
    ["--max-mamba-cache-size", "7", "--ep-size", "2"],
    ["--cpu-offload-gb", "4"],
]

QUANTIZATIONS: list[dict[str, Any]] = [
    {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True},
    {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False},
    {"quant_method": "fp8", "weight_block_size": [128, 128]},
    {"quant_method": "mxfp4"},
]


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """A config.json that somebody could have made."""
    kv_heads = draw(st.sampled_from([1, 2, 8]))
    config: dict[str, Any] = {
        "architectures": ["AnyForCausalLM"],
        "model_type": draw(
            st.sampled_from(
                ["llama", "qwen2", "qwen3_moe", "gemma2", "gemma3_text", "deepseek_v3", "qwen3_next", "gpt_oss"]
            )
        ),
        "hidden_size": draw(st.sampled_from([1024, 2880, 4096])),
        "num_hidden_layers": draw(st.integers(1, 48)),
        "num_attention_heads": kv_heads * draw(st.sampled_from([4, 8])),
        "num_key_value_heads": kv_heads,
        "head_dim": draw(st.sampled_from([64, 128, 256])),
        "vocab_size": draw(st.sampled_from([32000, 151936, 262144])),
        "intermediate_size": draw(st.sampled_from([2816, 14336])),
        "max_position_embeddings": draw(st.sampled_from([4096, 131072])),
        "tie_word_embeddings": draw(st.booleans()),
        "sliding_window": draw(st.sampled_from([None, 512, 4096])),
    }
    if config["model_type"] in ("qwen3_moe", "qwen3_next", "gpt_oss", "deepseek_v3"):
        experts = draw(st.sampled_from([8, 64]))
        config |= {"num_experts": experts, "num_local_experts": experts, "n_routed_experts": experts}
        config |= {"moe_intermediate_size": 768, "num_experts_per_tok": 4}
    if draw(st.booleans()):
        config["quantization_config"] = draw(st.sampled_from(QUANTIZATIONS))
    return config


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec for vLLM or SGLang on GPUs."""
    gpu = draw(st.sampled_from(GPUS))
    return {
        "model": {"uri": "hf://org/name"},
        "engine": {"type": draw(st.sampled_from(["vLLM", "SGLang"])), "args": draw(st.sampled_from(ARGS))},
        "gpu": {"type": gpu} if gpu else {"memoryGiB": draw(st.floats(4, 300))},
        "gpuMemoryUtilization": draw(st.floats(0.05, 1)),
        "maxModelLen": draw(st.sampled_from([1, 100, 4096, 32768, 65536, 1_000_000])),
        "maxNumSeqs": draw(st.sampled_from([None, 1, 64, 2048])),
        "parallelism": {
            "tensor": draw(st.sampled_from([1, 2, 4, 8])),
            "pipeline": draw(st.sampled_from([1, 1, 2, 3])),
            "data": draw(st.sampled_from([1, 1, 2])),
        },
        "kvCacheDtype": draw(st.sampled_from(["auto", "fp8"])),
    }


def planned(spec: dict[str, Any], config: dict[str, Any], version: tuple[int, ...]) -> Plan:
    made = Spec.model_validate({key: value for key, value in spec.items() if value is not None})
    return plan_once(PlanRequest(made, version, ModelFiles(config=config)))


def version_for(spec: dict[str, Any], draw: st.DataObject) -> tuple[int, ...]:
    return draw.draw(st.sampled_from(VERSIONS[spec["engine"]["type"]]))


@many
@given(specs(), configs(), st.floats(0.05, 1), st.data())
def test_more_utilization_never_gives_fewer_tokens(
    spec: dict[str, Any], config: dict[str, Any], other: float, data: st.DataObject
) -> None:
    version = version_for(spec, data)
    less, more = sorted([spec["gpuMemoryUtilization"], other])
    few = planned(spec | {"gpuMemoryUtilization": less}, config, version)
    many_ = planned(spec | {"gpuMemoryUtilization": more}, config, version)
    assert few.kv_cache_tokens is not None
    assert many_.kv_cache_tokens is not None
    assert many_.kv_cache_tokens >= few.kv_cache_tokens


@many
@given(specs(), configs(), st.sampled_from([2, 5000, 32000, 33000, 200_000]), st.data())
def test_more_context_never_gives_more_concurrency(
    spec: dict[str, Any], config: dict[str, Any], other: int, data: st.DataObject
) -> None:
    version = version_for(spec, data)
    short, long = sorted([spec["maxModelLen"], other])
    # The first generation of vLLM turns chunked prefill on above 32k, and needs less for activations then.
    assume(spec["engine"]["type"] != "vLLM" or version >= (0, 11) or long <= 32768 or short > 32768)
    much = planned(spec | {"maxModelLen": short}, config, version)
    little = planned(spec | {"maxModelLen": long}, config, version)
    assert much.max_concurrency is not None
    assert little.max_concurrency is not None
    assert little.max_concurrency <= much.max_concurrency


@many
@given(specs(), configs(), st.data())
def test_doubling_tensor_never_raises_the_weights_of_a_gpu(
    spec: dict[str, Any], config: dict[str, Any], data: st.DataObject
) -> None:
    version = version_for(spec, data)
    parallel = spec["parallelism"] | {"pipeline": 1}
    one = planned(spec | {"parallelism": parallel}, config, version)
    two = planned(spec | {"parallelism": parallel | {"tensor": 2 * parallel["tensor"]}}, config, version)
    assert one.per_gpu is not None
    assert two.per_gpu is not None
    assert two.per_gpu.weights_gib <= one.per_gpu.weights_gib


WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 300),
    st.sampled_from([0, -1, 2**31, 10**30, 1e308, float("nan"), float("inf")]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["fp8", "gptq", "sliding_attention", "linear_attention", "re:(a+)+$", "model.layers.0.mlp"]),
)
NESTED = st.recursive(
    WILD,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=8,
)
KEYS = [
    *("model_type", "architectures", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("head_dim", "vocab_size", "intermediate_size", "max_position_embeddings", "rope_scaling", "sliding_window"),
    *("layer_types", "num_experts", "num_experts_per_tok", "moe_intermediate_size", "kv_lora_rank", "q_lora_rank"),
    *("qk_rope_head_dim", "quantization_config", "text_config", "vision_config", "torch_dtype", "tie_word_embeddings"),
    *("hybrid_override_pattern", "mamba_d_state", "full_attention_interval", "linear_num_value_heads"),
]


@st.composite
def hostile_configs(draw: st.DrawFn) -> dict[str, Any]:
    """A config.json with some values that nobody would expect."""
    config: dict[str, Any] = draw(st.one_of(configs(), st.just({})))
    return config | draw(st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=6)), NESTED, max_size=5))


@st.composite
def hostile_specs(draw: st.DrawFn) -> dict[str, Any]:
    """Any spec that the schema lets through."""
    spec = draw(specs())
    engine = draw(st.sampled_from(["vLLM", "SGLang", "LlamaCpp"]))
    args = draw(st.one_of(st.sampled_from(ARGS), st.lists(st.text(min_size=1, max_size=20), max_size=4)))
    device = draw(st.sampled_from(["GPU", "CPU"]))
    more: dict[str, Any] = {
        "engine": {"type": engine, "args": args},
        "device": device,
        "quantization": draw(st.sampled_from(["auto", "none", "fp8", "bitsandbytes", "awq", "gguf", "anything"])),
        "dtype": draw(st.sampled_from(["auto", "half", "float32"])),
        "kvCacheDtype": draw(st.sampled_from(["auto", "fp8", "q8_0", "fp8_ds_mla", "nvfp4"])),
        "gpu": draw(st.sampled_from([{}, {"type": "NVIDIA-L4"}, {"type": "unknown"}, {"memoryGiB": 0.001}])),
        "resources": draw(st.sampled_from([{}, {"limits": {"memory": "1"}}, {"limits": {"memory": "64Gi"}}])),
        "parallelism": {
            "tensor": draw(st.sampled_from([1, 2, 3, 1024])),
            "pipeline": draw(st.sampled_from([1, 7, 256])),
            "data": draw(st.sampled_from([1, 256])),
        },
        "maxModelLen": draw(st.sampled_from([None, 1, 100_000_000])),
    }
    return {key: value for key, value in (spec | more).items() if value is not None}


@st.composite
def hostile_files(draw: st.DrawFn) -> ModelFiles:
    config = draw(st.one_of(st.none(), hostile_configs()))
    gguf = Gguf(metadata=draw(st.dictionaries(st.text(max_size=20), WILD, max_size=4)), layer_bytes=(5, 10**9))
    return ModelFiles(
        config=config,
        tensors=draw(st.sampled_from([None, Tensors(), Tensors({"BF16": 10**9, "?": 1}, 2 * 10**9, 5)])),
        gguf=draw(st.sampled_from([None, gguf])),
    )


@many
@given(hostile_specs(), hostile_files(), st.data())
def test_nothing_crashes_it(spec: dict[str, Any], files: ModelFiles, data: st.DataObject) -> None:
    made = Spec.model_validate(spec)
    found = plan(PlanRequest(made, version_for(spec, data), files, missing=("the hub could not be reached",)))
    if found.fits is False:
        assert found.findings
    if found.per_gpu is not None:
        assert all(math.isfinite(value) and value >= 0 for value in vars(found.per_gpu).values())
    json.dumps(found.status(), allow_nan=False)
