"""Advice: what fits, the cheapest first, each planned before it is said."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.advice import MOST_PLANS, advise
from modelberth.planner.changes import SHORTEST, lengths_below
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.planner.plan import Advice, Plan
from modelberth.planner.planning import plan, plan_once
from modelberth.planner.request import PlanRequest
from tests.planner.shapes import AWQ, LLAMA_3_8B, LLAMA_31_70B, QWEN_25_32B
from tests.planner.simple_planner import CONFIG, SimplePlanner, changed, request

MIXTURE = LLAMA_3_8B | {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}
LLAMA_KEYS = {
    "block_count": 32,
    "embedding_length": 4096,
    "context_length": 8192,
    "attention.head_count": 32,
    "attention.head_count_kv": 8,
}
L4 = {"gpu": {"type": "NVIDIA-L4"}}
T4 = {"gpu": {"type": "Tesla-T4"}}


def changes(spec: dict[str, Any], planner: SimplePlanner | None = None, files: ModelFiles | None = None) -> list[str]:
    return [advice.change for advice in advise(request(spec, files), planner or SimplePlanner())]


def test_what_fits_needs_no_advice() -> None:
    assert changes({**L4, "maxModelLen": 4096}) == []


def test_what_could_not_be_judged_gets_no_advice() -> None:
    planner = SimplePlanner()
    assert changes({"gpu": {"type": "Unheard-of"}}, planner) == []
    assert planner.asked == 1


def test_the_cheapest_change_comes_first_and_five_are_enough() -> None:
    assert changes({**L4, "maxModelLen": 32768}) == [
        "gpuMemoryUtilization: 0.92",
        "maxModelLen: 31744",
        "kvCacheDtype: fp8",
        "quantization: fp8 (7.5 GiB of weights per GPU)",
        "parallelism.tensor: 2",
    ]


def test_each_piece_carries_the_numbers_of_its_own_plan() -> None:
    asked = request({**L4, "maxModelLen": 32768})
    planner = SimplePlanner()
    steps: tuple[dict[str, Any], ...] = (
        {"gpuMemoryUtilization": 0.92},
        {"maxModelLen": 31744},
        {"kvCacheDtype": "fp8"},
    )
    for advice, fields in zip(advise(asked, planner)[:3], steps, strict=True):
        plan = planner(changed(asked, **fields))
        assert (advice.fits, advice.kv_cache_tokens) == (True, plan.kv_cache_tokens)
        assert advice.max_concurrency == plan.max_concurrency


def test_a_context_much_shorter_than_asked_for_stands_behind_other_weights() -> None:
    planner = SimplePlanner(kv_bytes=65536)
    fp8, shorter = "quantization: fp8 (7.5 GiB of weights per GPU)", "maxModelLen: 27648"
    assert changes({**L4, "maxModelLen": 131_072, "gpuMemoryUtilization": 0.8}, planner)[:2] == [fp8, shorter]
    assert changes({**L4, "gpuMemoryUtilization": 0.8}, planner)[:2] == [shorter, fp8]


def test_the_longest_context_that_fits() -> None:
    for wanted in (16000, 40000, 131072):
        asked = request({**L4, "maxModelLen": wanted, "gpuMemoryUtilization": 0.8})
        planner = SimplePlanner()
        (found,) = (advice for advice in advise(asked, planner) if advice.change.startswith("maxModelLen: "))
        length = int(found.change.split()[1])
        longer = [each for each in lengths_below(wanted) if each > length]
        assert longer
        assert not planner(changed(asked, maxModelLen=longer[-1])).fits


def test_the_smallest_tensor_that_divides_the_heads() -> None:
    assert "parallelism.tensor: 4" in changes({**L4, "maxModelLen": 32768}, SimplePlanner(billions=30))
    planner = SimplePlanner(heads=6)
    assert changes({**L4, "maxModelLen": 4096, "parallelism": {"tensor": 4}}, planner)[:1] == ["parallelism.tensor: 1"]


def test_fewer_sequences_where_they_are_the_problem() -> None:
    planner = SimplePlanner(sampler_bytes=2**24)
    assert changes({**L4, "maxModelLen": 8192, "maxNumSeqs": 512}, planner)[0] == "maxNumSeqs: 128"
    assert not any("maxNumSeqs" in change for change in changes({**L4, "maxModelLen": 32768}))


def test_a_type_that_the_gpu_lacks_is_replaced() -> None:
    small = SimplePlanner(billions=3)
    assert changes({**T4, "dtype": "bfloat16", "maxModelLen": 8192}, small)[0] == "dtype: half"
    assert changes({**L4, "dtype": "float32", "maxModelLen": 4096})[0] == "dtype: bfloat16"
    kv = {**T4, "kvCacheDtype": "fp8", "maxModelLen": 8192}
    assert changes(kv, small)[0] == "kvCacheDtype: auto"


def test_what_the_gpu_lacks_is_not_proposed() -> None:
    assert not any("fp8" in change for change in changes({**T4, "maxModelLen": 32768}) if "kvCacheDtype" in change)


def test_two_changes_only_where_no_single_one_that_costs_as_little_is_enough() -> None:
    found = changes({**L4, "maxModelLen": 131072}, SimplePlanner(billions=20))
    assert found == [
        "an awq variant of this model (10.2 GiB of weights per GPU) and maxModelLen: 65536",
        "parallelism.tensor: 4",
        "gpu.type: NVIDIA-A100-SXM4-80GB",
    ]
    found = changes({**L4, "maxModelLen": 32768}, SimplePlanner(billions=70))
    assert found == ["parallelism.tensor: 8", "gpu.type: NVIDIA-B200"]
    found = changes({**L4, "maxModelLen": 131072}, SimplePlanner(billions=90))
    assert found == [
        "quantization: fp8 (10.5 GiB of weights per GPU) and parallelism.tensor: 8",
        "gpu.type: NVIDIA-B300-SXM6-AC",
    ]
    found = changes({**L4, "maxModelLen": 131072}, SimplePlanner(billions=400))
    assert found == ["gpu.type: NVIDIA-H200 and parallelism.tensor: 8"]


def test_a_dtype_that_has_to_be_replaced_anyway_does_not_count() -> None:
    assert changes({**T4, "dtype": "bfloat16", "maxModelLen": 65536}, SimplePlanner(billions=6)) == [
        "dtype: half and an awq variant of this model (3.1 GiB of weights per GPU)",
        "dtype: half and maxModelLen: 7168",
        "dtype: half and parallelism.tensor: 2",
        "gpu.type: NVIDIA-L40S",
    ]


def test_nothing_is_said_where_nothing_fits() -> None:
    planner = SimplePlanner(billions=3000)
    assert changes({**L4, "maxModelLen": 131072}, planner) == []
    assert planner.asked <= MOST_PLANS


def test_another_checkpoint_where_the_engine_cannot_quantize_it_while_loading() -> None:
    old = {"engine": {"type": "vLLM", "image": "vllm/vllm-openai:v0.7.3"}, **L4, "maxModelLen": 8192}
    asked = replace(request(old), engine_version=(0, 7, 3))
    found = [advice.change for advice in advise(asked, SimplePlanner(billions=14))]
    # 26 GiB do not fit while they load; bitsandbytes quantizes piece by piece.
    assert "quantization: bitsandbytes (7.2 GiB of weights per GPU)" in found
    sglang = request({"engine": {"type": "SGLang"}, **L4, "maxModelLen": 8192, "quantization": "none"})
    config = {**CONFIG, "quantization_config": {"quant_method": "fp8"}}
    fp8 = replace(sglang, files=ModelFiles(config=config, tensors=Tensors({"F8_E4M3": 1}, 1)))
    found = [advice.change for advice in advise(fp8, SimplePlanner(billions=20))]
    assert "an awq variant of this model with quantization: awq (10.2 GiB of weights per GPU)" in found


def test_a_model_in_four_bits_has_no_smaller_variant() -> None:
    config = {**CONFIG, "quantization_config": {"quant_method": "awq"}}
    found = changes({**L4, "maxModelLen": 8192}, SimplePlanner(billions=70), ModelFiles(config=config))
    assert found
    assert not any("variant" in change or "quantization" in change for change in found)


def test_on_the_cpu_the_memory_limit_is_the_budget() -> None:
    spec = {"device": "CPU", "resources": {"limits": {"memory": "8Gi"}}, "maxModelLen": 4096}
    found = changes(spec, SimplePlanner(billions=4))
    assert found[-1] == "resources.limits.memory: 10Gi"
    assert not any("gpu" in change.lower().replace("gpumemory", "") for change in found)


def test_a_gguf_file_with_fewer_bits() -> None:
    gguf = Gguf(layer_bytes=(2**29,) * 32, output_bytes=2**28, file_type="F16")
    spec = {"engine": {"type": "LlamaCpp"}, **T4, "maxModelLen": 8192, "maxNumSeqs": 1}
    found = changes(spec, SimplePlanner(), ModelFiles(gguf=gguf))
    assert "a Q8_0 file of this model (8.6 GiB of weights per GPU)" in found


def test_a_bigger_gpu_replaces_what_was_said_of_the_small_one() -> None:
    slices = {"gpu": {"type": "NVIDIA-A100-SXM4-80GB", "resourceName": "nvidia.com/mig-1g.10gb"}, "maxModelLen": 2048}
    assert any(
        change.endswith(" with gpu.resourceName: nvidia.com/gpu")
        for change in changes(slices, SimplePlanner(billions=20))
    )
    named = {"gpu": {"memoryGiB": 10}, "maxModelLen": 2048}
    assert any(
        change.endswith(" without gpu.memoryGiB and gpu.computeCapability")
        for change in changes(named, SimplePlanner(billions=20))
    )


@given(st.integers(1, 20_000_000))
def test_context_lengths_are_human_and_dense(length: int) -> None:
    found = lengths_below(length)
    assert list(found) == sorted(set(found), reverse=True)
    assert all(SHORTEST <= each < length for each in found)
    for each in found[:-1]:
        assert each % (1024 if each < 32768 else 4096 if each < 131072 else 8192) == 0
    for longer, shorter in pairwise(found):
        assert shorter >= 0.5 * longer
    if found:
        assert found[0] >= min(0.88 * (length - 1), length - 1 - 1024)


@pytest.mark.parametrize(
    ("length", "human"), [(13000, 12288), (17000, 16384), (36000, 32768), (70000, 65536), (140000, 131072), (512, None)]
)
def test_the_first_context_below(length: int, human: int | None) -> None:
    assert next(iter(lengths_below(length)), None) == human


CHECKPOINTS = {
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic"},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True},
}
"""quantization_config of checkpoints as people publish them."""

SPECS = st.fixed_dictionaries(
    {
        "gpu": st.sampled_from(
            ({"type": "Tesla-T4"}, {"type": "NVIDIA-L4"}, {"type": "NVIDIA-H200"}, {"memoryGiB": 12})
        ),
        "gpuMemoryUtilization": st.sampled_from((0.5, 0.9, 0.95)),
        "parallelism": st.fixed_dictionaries({"tensor": st.sampled_from((1, 2, 3, 8))}),
    },
    optional={
        "maxModelLen": st.integers(1, 300_000),
        "maxNumSeqs": st.integers(1, 2000),
        "kvCacheDtype": st.just("fp8"),
        "dtype": st.sampled_from(("half", "bfloat16", "float32")),
        "quantization": st.sampled_from(("none", "fp8")),
    },
)
PLANNERS = st.builds(
    SimplePlanner,
    billions=st.floats(0.1, 700),
    kv_bytes=st.integers(1000, 2_000_000),
    sampler_bytes=st.sampled_from((0, 2**20, 2**24)),
    heads=st.sampled_from((6, 7, 32)),
)


@given(SPECS, PLANNERS)
def test_every_piece_of_advice_fits_when_its_words_are_followed(spec: dict[str, Any], planner: SimplePlanner) -> None:
    found = advise(request(spec), planner)
    assert planner.asked <= MOST_PLANS
    assert len(found) <= 5
    assert len({advice.change for advice in found}) == len(found)
    for advice in found:
        check(advice, planner(followed(request(spec), advice)))


CONFIGS = st.fixed_dictionaries(
    {
        "architectures": st.just(["LlamaForCausalLM"]),
        "model_type": st.just("llama"),
        "hidden_size": st.sampled_from((2048, 4096, 8192)),
        "intermediate_size": st.sampled_from((8192, 28672)),
        "num_hidden_layers": st.sampled_from((16, 32, 80)),
        "num_attention_heads": st.sampled_from((24, 32)),
        "num_key_value_heads": st.sampled_from((1, 8)),
        "vocab_size": st.sampled_from((32000, 128256)),
        "max_position_embeddings": st.sampled_from((4096, 131072)),
        "torch_dtype": st.sampled_from(("bfloat16", "float16")),
    }
)
ENGINES = st.sampled_from(({"type": "vLLM"}, {"type": "SGLang"}))
CPU = st.builds(
    lambda engine, limit, length: {
        "engine": {"type": engine},
        "device": "CPU",
        "resources": {"limits": {"memory": f"{limit}Gi"}},
        **({"maxModelLen": length} if length else {}),
    },
    st.sampled_from(("vLLM", "SGLang")),
    st.integers(1, 64),
    st.sampled_from((None, 2048, 8192, 100_000)),
)


@given(st.one_of(st.builds(lambda spec, engine: {**spec, "engine": engine}, SPECS, ENGINES), CPU), CONFIGS)
def test_so_it_is_with_the_real_planner(spec: dict[str, Any], config: dict[str, Any]) -> None:
    judged_by_the_planner(request(spec, ModelFiles(config=config)))


GGUF = Gguf(
    metadata={
        "general.architecture": "llama",
        "llama.block_count": 32,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "llama.context_length": 131072,
        "llama.feed_forward_length": 14336,
        "tokenizer.ggml.tokens.length": 128256,
    },
    layer_bytes=(436_000_000,) * 32,
    embedding_bytes=1_050_000_000,
    output_bytes=1_050_000_000,
    file_type="F16",
)


@given(
    st.sampled_from(({"type": "Tesla-T4"}, {"type": "NVIDIA-L4"}, {"memoryGiB": 8}, None)),
    st.sampled_from((None, 1, 16)),
    st.sampled_from((None, 4096, 131072)),
)
def test_and_with_gguf_files(gpu: dict[str, Any] | None, slots: int | None, length: int | None) -> None:
    where = {"gpu": gpu} if gpu else {"device": "CPU", "resources": {"limits": {"memory": "8Gi"}}}
    spec = {"engine": {"type": "LlamaCpp"}, **where}
    wishes = {name: wish for name, wish in (("maxNumSeqs", slots), ("maxModelLen", length)) if wish}
    judged_by_the_planner(request({**spec, **wishes}, ModelFiles(gguf=GGUF)))


def judged_by_the_planner(asked: PlanRequest) -> None:
    calls = 0

    def counting(again: PlanRequest) -> Plan:
        nonlocal calls
        calls += 1
        return plan_once(again)

    found = advise(asked, counting)
    assert calls <= MOST_PLANS
    for advice in found:
        check(advice, plan_once(followed(asked, advice)))


def check(advice: Advice, plan: Plan) -> None:
    assert (advice.fits, plan.fits) == (True, True)
    assert advice.kv_cache_tokens == plan.kv_cache_tokens
    assert plan.max_concurrency is not None
    assert math.isclose(advice.max_concurrency, plan.max_concurrency)


def followed(asked: PlanRequest, advice: Advice) -> PlanRequest:
    """The request after somebody did what the words say."""
    for change in advice.change.replace(" without gpu.memoryGiB and gpu.computeCapability", "").split(" and "):
        variant = re.match(r"an (\w+) variant of this model ", change)
        if variant:
            config = {**(asked.files.config or {}), "quantization_config": CHECKPOINTS[variant[1]]}
            asked = replace(asked, files=ModelFiles(config=config))
            if " with quantization: " in change:
                asked = changed(asked, quantization=variant[1])
            continue
        file = re.match(r"a (\w+) file of this model ", change)
        if file and asked.files.gguf:
            bits = {"Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.68, "Q4_K_M": 4.84}[file[1]]
            asked = replace(asked, files=ModelFiles(gguf=smaller(asked.files.gguf, bits / 16, file[1])))
            continue
        field, value = re.sub(r" \(.*\)$", "", change).split(": ")
        match field:
            case "parallelism.tensor":
                asked = changed(asked, parallelism={"tensor": int(value)})
            case "resources.limits.memory":
                asked = changed(asked, resources={"limits": {"memory": value}})
            case "gpu.type":
                asked = changed(asked, gpu={"type": value})
            case "gpuMemoryUtilization":
                asked = changed(asked, gpuMemoryUtilization=float(value))
            case "maxModelLen" | "maxNumSeqs":
                asked = changed(asked, **{field: int(value)})
            case _:
                asked = changed(asked, **{field: value})
    return asked


def smaller(gguf: Gguf, share: float, name: str) -> Gguf:
    """The same model in a file with fewer bits."""
    return replace(
        gguf,
        layer_bytes=tuple(round(size * share) for size in gguf.layer_bytes),
        embedding_bytes=round(gguf.embedding_bytes * share),
        output_bytes=round(gguf.output_bytes * share),
        file_type=name.removesuffix("_M"),
    )


def planned(spec: dict[str, Any], config: dict[str, Any] = LLAMA_3_8B, **fields: Any) -> list[str]:
    """Advice of the planner itself."""
    return [advice.change for advice in plan(replace(request(spec, ModelFiles(config=config)), **fields)).advice]


def test_what_the_checkpoint_says_replaces_another_quantization() -> None:
    variant = "an awq variant of this model (5.3 GiB of weights per GPU)"
    assert planned({**L4, "quantization": "awq"}) == ["quantization: auto", variant]
    awq = LLAMA_3_8B | {"quantization_config": AWQ}
    assert planned({**L4, "quantization": "gptq"}, awq) == ["quantization: auto"]
    # What is wrong anyway does not count as a change.
    found = planned({**L4, "quantization": "awq"}, LLAMA_31_70B)
    assert found
    assert all(change.startswith(("quantization: auto and ", "an awq variant", "gpu.type: ")) for change in found)


def test_the_resource_of_the_right_vendor() -> None:
    amd = {"gpu": {"type": "AMD_Instinct_MI300X_OAM"}}
    assert planned(amd)[0] == "gpu.resourceName: amd.com/gpu"
    nvidia = {"gpu": {"type": "NVIDIA-L40S", "resourceName": "amd.com/gpu"}}
    assert planned(nvidia)[0] == "gpu.resourceName: nvidia.com/gpu"
    # Two repairs, and something beside them.
    found = planned({**amd, "quantization": "awq", "maxModelLen": 8192, "gpuMemoryUtilization": 0.05})
    assert "gpu.resourceName: amd.com/gpu and quantization: auto and gpuMemoryUtilization: 0.92" in found


def test_no_more_slices() -> None:
    sliced = {"gpu": {"type": "NVIDIA-A100-SXM4-80GB", "resourceName": "nvidia.com/mig-1g.10gb"}}
    assert not any("parallelism" in change for change in planned({**sliced, "maxModelLen": 8192}))
    assert "parallelism.tensor: 1" in planned(
        {"gpu": {"type": "NVIDIA-A100-SXM4-80GB-MIG-3g.40gb"}, "parallelism": {"tensor": 2}}
    )


@pytest.mark.parametrize("engine", ["vLLM", "SGLang"])
def test_a_share_that_leaves_the_driver_nothing(engine: str) -> None:
    spec = {**L4, "engine": {"type": engine}, "gpuMemoryUtilization": 1.0}
    assert planned(spec)[:1] == (["gpuMemoryUtilization: 0.95"] if engine == "vLLM" else [])


def test_no_longer_than_what_the_engine_serves() -> None:
    metadata = {
        "general.architecture": "llama",
        **{f"llama.{key}": value for key, value in LLAMA_KEYS.items()},
    }
    gguf = Gguf(metadata, (2**27,) * 32, 2**28, 2**28, file_type="Q4_K")
    spec = {**L4, "engine": {"type": "LlamaCpp"}, "maxModelLen": 200_000, "maxNumSeqs": 1}
    found = plan(replace(request(spec), files=ModelFiles(gguf=gguf)))
    assert "llama-server serves 8192 tokens" in found.findings[0].message
    assert "maxModelLen: 8192" in [advice.change for advice in found.advice]


def test_bitsandbytes_is_not_advised_where_it_does_not_load() -> None:
    def words(engine: str, config: dict[str, Any]) -> str:
        version = (0, 14) if engine == "vLLM" else (0, 5, 22)
        spec = {"engine": {"type": engine}, "gpu": {"type": "NVIDIA-A100-SXM4-40GB"}, "maxModelLen": 4096}
        return " ".join(planned(spec, config, engine_version=version))

    assert "bitsandbytes" in words("SGLang", QWEN_25_32B)
    assert "bitsandbytes" in words("vLLM", MIXTURE)
    assert "bitsandbytes" not in words("SGLang", MIXTURE)
