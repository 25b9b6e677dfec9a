"""What an engine version cannot cut, stretch or read. Each case is what the engine's own source does."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.engine_facts import Version
from modelberth.api.spec import Spec
from modelberth.planner.config.reading import read_model
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.planner.gpus import Gpu, catalogue, gpu_of
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules import BLOCKING, CAPPED, rule_findings
from tests.planner.rule_cases import (
    AWQ,
    B200,
    DEEPSEEK,
    FP8,
    FP8_BLOCKS,
    GEMMA,
    GPTQ,
    H100,
    INT4,
    INT8,
    L4,
    LLAMA,
    MIXTURE,
    MODELOPT_FP8,
    MXFP4,
    NF4,
    NVFP4,
    S_NEW,
    V_NEW,
    fields_of,
    judge,
    sglang,
)


@pytest.mark.parametrize(
    ("config", "wanted", "refused"),
    [
        (LLAMA, "awq", True),
        (LLAMA, "nvfp4", True),
        (LLAMA, "fp8", False),
        (LLAMA, "bitsandbytes", False),
        (AWQ, "awq", False),
        (AWQ, "awq_marlin", False),
        (AWQ, "gptq", True),
        (AWQ, "none", False),
        (GPTQ, "awq", True),
        (GPTQ, "gptq_marlin", False),
        (INT4, "fp8", True),
        (INT4, "compressed-tensors", False),
        (FP8, "fp8", False),
        (FP8, "bitsandbytes", True),
        (NVFP4, "nvfp4", False),
        (NVFP4, "modelopt_fp4", False),
    ],
)
def test_quantization_says_what_the_checkpoint_is(config: dict[str, Any], wanted: str, refused: bool) -> None:
    version = (0, 24, 0)
    assert fields_of(judge(B200, config, version, quantization=wanted)) == (["quantization"] if refused else [])


def test_a_checkpoint_whose_quantization_is_told_elsewhere() -> None:
    files = ModelFiles(config=LLAMA, tensors=Tensors({"I32": 1000, "F16": 1000}, 6000))
    assert judge(L4, files=files, quantization="awq", dtype="half") == []


def test_none_would_read_packed_weights_in_new_sglang() -> None:
    assert fields_of(judge(L4, AWQ, (0, 5, 12), engine=sglang(), quantization="none")) == ["quantization"]
    assert fields_of(judge(L4, AWQ, (0, 5, 11), engine=sglang(), quantization="none")) == []


@pytest.mark.parametrize(
    ("config", "tensor", "engine", "message"),
    [
        (LLAMA, 3, {}, "32 attention heads cannot be shared by 3 GPUs; use 1, 2 or 4, or parallelism.pipeline"),
        (LLAMA, 16, {}, ""),
        (LLAMA | {"num_attention_heads": 40, "num_key_value_heads": 10}, 4, {}, "10 KV heads cannot be shared by 4"),
        (
            LLAMA | {"num_attention_heads": 40, "num_key_value_heads": 10, "intermediate_size": 14400},
            5,
            {},
            "128256 (padded)",
        ),
        (LLAMA | {"intermediate_size": 14340}, 8, {}, "14340 outputs of mlp.gate_proj cannot be shared by 8"),
        (
            AWQ | {"intermediate_size": 29568},
            2,
            {},
            "14784 each, no multiple of the 128 that share a scale in awq; use 1",
        ),
        (INT4 | {"intermediate_size": 29568}, 2, {}, ""),
        (AWQ | {"intermediate_size": 29696}, 8, {}, ""),
        (FP8_BLOCKS, 4, {}, ""),
        (FP8_BLOCKS, 8, {}, "192 each, no multiple of the 128 that share a scale in fp8; use 1, 2 or 4, or keep"),
        (FP8_BLOCKS, 8, {"args": ["--enable-expert-parallel"]}, ""),
        (FP8_BLOCKS, 8, sglang(), "192 each"),
        (FP8_BLOCKS, 8, sglang(args=["--ep-size", "8"]), ""),
        (MIXTURE | {"num_experts": 36}, 8, sglang(args=["--ep-size=8"]), "36 experts cannot be spread over 8 GPUs"),
        (MIXTURE | {"num_experts": 36}, 8, {"args": ["--enable-expert-parallel"]}, ""),
        (LLAMA | {"intermediate_size": 14340}, 8, {"type": "LlamaCpp"}, ""),
    ],
)
def test_tensor_cuts_whole_parts(config: dict[str, Any], tensor: int, engine: dict[str, Any], message: str) -> None:
    name = engine.get("type", "vLLM")
    version = {"vLLM": V_NEW, "SGLang": S_NEW, "LlamaCpp": (11669,)}[name]
    found = judge(H100, config, version, engine={"type": "vLLM", **engine}, parallelism={"tensor": tensor})
    assert fields_of(found) == (["parallelism.tensor"] if message else [])
    assert message in "".join(finding.message for finding in found)


def test_data_parallel_attention_shares_heads_among_fewer() -> None:
    parallelism = {"tensor": 8, "data": 8}
    config = LLAMA | {"num_attention_heads": 28, "hidden_size": 3584, "num_key_value_heads": 4}
    assert fields_of(judge(H100, config, S_NEW, engine=sglang(), parallelism=parallelism)) == ["parallelism.tensor"]
    engine = sglang(args=["--enable-dp-attention"])
    assert fields_of(judge(H100, config, S_NEW, engine=engine, parallelism=parallelism)) == []


@pytest.mark.parametrize(
    ("data", "args", "message"),
    [
        (4, [], ""),
        (
            8,
            [],
            "192 each, no multiple of the 128 that share a scale in fp8: data ranks share the experts; use 1, 2 or 4",
        ),
        (8, ["--enable-expert-parallel"], ""),
    ],
)
def test_data_ranks_cut_experts_in_vllm(data: int, args: list[str], message: str) -> None:
    engine = {"type": "vLLM", "args": args}
    found = judge(H100, FP8_BLOCKS, engine=engine, parallelism={"data": data})
    assert fields_of(found) == (["parallelism.data"] if message else [])
    assert message in "".join(finding.message for finding in found)
    # SGLang's replicas have experts of their own, and dense models are copied whole.
    assert fields_of(judge(H100, FP8_BLOCKS, S_NEW, engine=sglang(), parallelism={"data": data})) == []
    assert fields_of(judge(H100, LLAMA | {"intermediate_size": 14340}, parallelism={"data": data})) == []


def test_every_stage_needs_a_layer() -> None:
    assert fields_of(judge(H100, parallelism={"pipeline": 33})) == ["parallelism.pipeline"]
    assert fields_of(judge(H100, parallelism={"pipeline": 32})) == []


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}


@pytest.mark.parametrize(
    ("config", "engine", "version", "refused"),
    [
        ({}, {"type": "vLLM"}, V_NEW, True),
        ({"model_max_length": 32768}, {"type": "vLLM"}, V_NEW, False),
        ({"rope_scaling": YARN}, {"type": "vLLM"}, (0, 18, 0), False),
        ({"rope_scaling": YARN}, {"type": "vLLM"}, V_NEW, True),
        ({}, {"type": "vLLM", "env": [{"name": "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "value": "1"}]}, V_NEW, False),
        ({}, {"type": "vLLM", "env": [{"name": "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "value": "0"}]}, V_NEW, True),
        ({}, {"type": "vLLM", "args": ["--hf-overrides", "{}"]}, V_NEW, False),
        ({}, sglang(), S_NEW, True),
        ({}, sglang(), (0, 4, 9), False),
        ({}, sglang(), (0, 4, 0), True),
        ({"max_position_embeddings": None}, {"type": "vLLM"}, V_NEW, False),
    ],
)
def test_context_beyond_what_the_model_was_made_for(
    config: dict[str, Any], engine: dict[str, Any], version: Version, refused: bool
) -> None:
    merged = {name: value for name, value in (LLAMA | config).items() if value is not None}
    found = judge(H100, merged, version, engine=engine, maxModelLen=16384)
    assert fields_of(found) == (["maxModelLen"] if refused else [])


def test_llama_server_serves_what_the_model_was_made_for() -> None:
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.embedding_length": 256,
        "llama.attention.head_count": 4,
        "llama.context_length": 2048,
        "llama.feed_forward_length": 512,
        "tokenizer.ggml.tokens.length": 1000,
    }
    files = ModelFiles(config=LLAMA, gguf=Gguf(metadata, (1000, 1000), 1000, 1000, 0, "Q4_K"))
    found = judge(L4, files=files, version=(11669,), engine={"type": "LlamaCpp"}, maxModelLen=16384)
    assert [(finding.field, finding.reason) for finding in found] == [("spec.maxModelLen", CAPPED)]


CONFIGS = st.sampled_from(
    [LLAMA, GEMMA, MIXTURE, DEEPSEEK, AWQ, GPTQ, FP8, FP8_BLOCKS, INT4, INT8, NVFP4, MODELOPT_FP8, MXFP4, NF4]
)
ENGINES = st.one_of(
    st.tuples(st.just("vLLM"), st.tuples(st.just(0), st.integers(6, 40), st.integers(0, 3))),
    st.tuples(st.just("SGLang"), st.tuples(st.just(0), st.integers(4, 6), st.integers(0, 30))),
    st.tuples(st.just("LlamaCpp"), st.tuples(st.integers(5000, 12000))),
)
WAY_OUT = re.compile(r"\b(use|set|lower)\b")


@given(
    config=CONFIGS,
    engine=ENGINES,
    gpu=st.sampled_from([gpu.label for gpu in catalogue()]),
    shape=st.tuples(st.integers(1, 128), st.integers(1, 32)),
    spec=st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(["auto", "half", "bfloat16", "float32"]),
            "quantization": st.sampled_from(
                ["auto", "none", "awq", "gptq", "fp8", "bitsandbytes", "compressed-tensors"]
            ),
            "kvCacheDtype": st.sampled_from(["auto", "fp8", "fp8_e5m2"]),
            "maxModelLen": st.integers(1, 10**6),
        },
    ),
)
def test_every_refusal_names_a_field_and_a_way_out(
    config: dict[str, Any], engine: tuple[str, Version], gpu: str, shape: tuple[int, int], spec: dict[str, Any]
) -> None:
    name, version = engine
    heads, tensor = shape
    config = config | {"num_attention_heads": heads}
    parallelism = {"tensor": tensor}
    found = judge(gpu, config, version, engine={"type": name}, parallelism=parallelism, **spec)
    for finding in found:
        assert finding.field.startswith("spec.")
        assert finding.reason not in BLOCKING or WAY_OUT.search(finding.message), finding.message
    for finding in found:
        if finding.field == "spec.parallelism.tensor":
            sizes = re.search(r"; use ([0-9, or]+)", finding.message)
            assert sizes is not None
            for size in map(int, re.findall(r"[0-9]+", sizes[1])):
                again = judge(gpu, config, version, engine={"type": name}, parallelism={"tensor": size}, **spec)
                assert "parallelism.tensor" not in fields_of(again)


@pytest.mark.parametrize(
    "section",
    [
        {},
        [],
        {"quant_method": 5},
        {"quant_method": "modelopt", "quantization": "FP8"},
        {"quantization": {"quant_algo": "FP8"}},
        {"quant_method": "fp8", "weight_block_size": ["a"]},
        {"quant_method": "compressed_tensors", "format": None},
    ],
)
def test_odd_quantization_sections_are_taken_in_stride(section: Any) -> None:
    files = ModelFiles(config=LLAMA | {"quantization_config": section})
    spec = Spec.model_validate({"model": {"uri": "hf://org/model"}, "engine": {"type": "vLLM"}, "gpu": {"type": L4}})
    gpu = gpu_of(spec.gpu)
    assert isinstance(gpu, Gpu)
    assert rule_findings(PlanRequest(spec, V_NEW, files), read_model(ModelFiles(config=LLAMA)), gpu) == []
