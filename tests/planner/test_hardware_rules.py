"""What an engine version cannot run on a GPU. Each case is what the engine's own source does."""

from typing import Any

import pytest

from modelberth.api.engine_facts import Version
from modelberth.planner.rules import CAST, WEIGHT_ONLY
from tests.planner.rule_cases import (
    A100,
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
    MI210,
    MI300X,
    MIXTURE,
    MODELOPT_FP8,
    MXFP4,
    NF4,
    NVFP4,
    P100,
    S_NEW,
    T4,
    V100,
    V_NEW,
    fields_of,
    judge,
    sglang,
)


def test_the_usual_case_has_nothing_to_say() -> None:
    for gpu in (L4, A100, H100, B200, MI300X):
        assert judge(gpu, parallelism={"tensor": 4}, maxModelLen=8192) == []
        assert judge(gpu, version=S_NEW, engine=sglang(), parallelism={"tensor": 4}, maxModelLen=8192) == []


@pytest.mark.parametrize(
    ("gpu", "engine", "version", "refused"),
    [
        (P100, "vLLM", (0, 7, 3), True),
        (V100, "vLLM", (0, 18, 0), False),
        (V100, "vLLM", (0, 20, 0), True),
        (T4, "vLLM", V_NEW, False),
        (V100, "SGLang", (0, 4, 0), True),
        (T4, "SGLang", S_NEW, False),
        (P100, "LlamaCpp", (11669,), False),
    ],
)
def test_engines_need_a_compute_capability(gpu: str, engine: str, version: Version, refused: bool) -> None:
    found = judge(gpu, LLAMA | {"torch_dtype": "float16"}, version, engine={"type": engine})
    assert fields_of(found) == (["gpu.type"] if refused else [])


@pytest.mark.parametrize(
    ("gpu", "version", "dtype", "reason"),
    [
        (T4, (0, 7, 3), "auto", "UnsupportedHardware"),
        (T4, (0, 8, 5), "auto", "UnsupportedHardware"),
        (T4, (0, 9, 1), "auto", CAST),
        (T4, V_NEW, "bfloat16", "UnsupportedHardware"),
        (T4, V_NEW, "half", None),
        (T4, V_NEW, "float32", None),
        (A100, V_NEW, "bfloat16", None),
        (MI210, V_NEW, "bfloat16", None),
    ],
)
def test_bfloat16_needs_ampere(gpu: str, version: Version, dtype: str, reason: str | None) -> None:
    assert [finding.reason for finding in judge(gpu, version=version, dtype=dtype)] == ([reason] if reason else [])


def test_sglang_casts_bfloat16_even_if_asked_for() -> None:
    found = judge(T4, version=S_NEW, engine=sglang(), dtype="bfloat16")
    assert [(finding.reason, finding.field) for finding in found] == [(CAST, "spec.dtype")]


@pytest.mark.parametrize(
    ("gpu", "version", "dtype", "refused"),
    [
        (L4, V_NEW, "half", True),
        (L4, (0, 8, 5), "half", False),
        (L4, V_NEW, "auto", False),
        (T4, V_NEW, "auto", True),
        (T4, V_NEW, "float32", False),
    ],
)
def test_models_that_overflow_in_float16(gpu: str, version: Version, dtype: str, refused: bool) -> None:
    assert fields_of(judge(gpu, GEMMA, version, dtype=dtype)) == (["dtype"] if refused else [])


@pytest.mark.parametrize(
    ("config", "version", "refused"),
    [(AWQ, (0, 23, 0), True), (AWQ, (0, 24, 0), False), (GPTQ, (0, 21, 0), True), (GPTQ, (0, 22, 0), False)],
)
def test_awq_and_gptq_need_half_on_amd(config: dict[str, Any], version: Version, refused: bool) -> None:
    assert fields_of(judge(MI300X, config, version)) == (["dtype"] if refused else [])
    assert fields_of(judge(MI300X, config, version, dtype="half")) == []
    assert fields_of(judge(A100, config, version)) == []


def test_quantized_weights_are_computed_with_in_16_bit() -> None:
    assert fields_of(judge(A100, AWQ, dtype="float32")) == ["dtype"]
    assert fields_of(judge(A100, INT4, dtype="float32")) == []
    assert fields_of(judge(H100, MXFP4, dtype="half")) == ["dtype"]
    assert fields_of(judge(H100, MXFP4, S_NEW, engine=sglang(), dtype="half")) == []


WEIGHTS: list[tuple[str, dict[str, Any], str, Version, str]] = [
    (V100, AWQ, "vLLM", (0, 18), "refused"),
    (T4, AWQ, "vLLM", (0, 7, 3), ""),
    (V100, GPTQ, "vLLM", (0, 18), ""),
    (T4, INT4, "vLLM", (0, 13), "refused"),
    (T4, INT4, "vLLM", (0, 14), ""),
    (T4, INT4, "SGLang", S_NEW, "refused"),
    (V100, INT8, "vLLM", (0, 18), "refused"),
    (T4, FP8, "vLLM", (0, 13), "refused"),
    (T4, FP8, "vLLM", (0, 14), "slower"),
    (T4, FP8, "SGLang", S_NEW, "refused"),
    (A100, FP8, "vLLM", (0, 7, 3), "slower"),
    (A100, FP8_BLOCKS, "vLLM", (0, 8, 5), "refused"),
    (A100, FP8_BLOCKS, "vLLM", (0, 9, 1), "slower"),
    (A100, FP8_BLOCKS, "SGLang", S_NEW, "refused"),
    (A100, FP8, "SGLang", (0, 5, 5), "refused"),
    (A100, FP8, "SGLang", (0, 5, 6), "slower"),
    (L4, FP8, "vLLM", V_NEW, ""),
    (A100, MODELOPT_FP8, "vLLM", (0, 26), "refused"),
    (A100, MODELOPT_FP8, "vLLM", (0, 27), "slower"),
    (H100, NVFP4, "vLLM", (0, 8, 5), "refused"),
    (H100, NVFP4, "vLLM", (0, 9, 1), "slower"),
    (T4, NVFP4, "vLLM", (0, 13), "refused"),
    (T4, NVFP4, "vLLM", (0, 14), "slower"),
    (H100, NVFP4, "SGLang", (0, 5, 12), "refused"),
    (H100, NVFP4, "SGLang", (0, 5, 13), "slower"),
    (B200, NVFP4, "SGLang", (0, 5, 12), ""),
    (T4, MXFP4, "vLLM", V_NEW, "refused"),
    (A100, MXFP4, "vLLM", (0, 10, 1), "slower"),
    (B200, MXFP4, "vLLM", V_NEW, ""),
    (P100, NF4, "LlamaCpp", (11669,), ""),
]


@pytest.mark.parametrize(("gpu", "config", "engine", "version", "expected"), WEIGHTS)
def test_weights_need_a_compute_capability(
    gpu: str, config: dict[str, Any], engine: str, version: Version, expected: str
) -> None:
    found = judge(gpu, config | {"torch_dtype": "float16"}, version, engine={"type": engine})
    assert fields_of(found) == (["model.uri"] if expected == "refused" else [])
    assert [finding.reason for finding in found if finding.reason == WEIGHT_ONLY] == [WEIGHT_ONLY] * (
        expected == "slower"
    )


def test_quantization_while_loading_is_blamed_on_its_field() -> None:
    (finding,) = judge(A100, quantization="fp8")
    assert (finding.field, finding.reason) == ("spec.quantization", WEIGHT_ONLY)
    assert fields_of(judge(A100, MIXTURE, S_NEW, engine=sglang(), quantization="fp8")) == ["quantization"]


@pytest.mark.parametrize(
    ("gpu", "config", "engine", "version", "refused"),
    [
        (MI300X, NF4, "vLLM", (0, 13), True),
        (MI300X, NF4, "vLLM", (0, 14), False),
        (MI300X, NF4, "SGLang", S_NEW, True),
        (MI300X, MXFP4, "vLLM", (0, 10, 0), True),
        (MI300X, MXFP4, "vLLM", (0, 10, 1), False),
        (MI300X, NVFP4, "vLLM", (0, 18), True),
        (MI300X, GPTQ, "SGLang", S_NEW, True),
        (MI300X, FP8, "vLLM", V_NEW, False),
        (MI210, FP8, "vLLM", V_NEW, True),
        (MI210, INT4, "vLLM", V_NEW, False),
    ],
)
def test_quantizations_on_amd(gpu: str, config: dict[str, Any], engine: str, version: Version, refused: bool) -> None:
    found = judge(gpu, config, version, engine={"type": engine}, dtype="half" if config in (GPTQ,) else "auto")
    assert fields_of(found) == (["model.uri"] if refused else [])


@pytest.mark.parametrize(
    ("config", "version", "refused"),
    [(FP8, (0, 19), True), (FP8, (0, 20), False), (NF4, (0, 27), True), (AWQ, V_NEW, False), (LLAMA, V_NEW, False)],
)
def test_quantizations_on_the_cpu(config: dict[str, Any], version: Version, refused: bool) -> None:
    found = judge(L4, config, version, device="CPU", resources={"limits": {"memory": "16Gi"}})
    assert fields_of(found) == (["model.uri"] if refused else [])


@pytest.mark.parametrize(
    ("gpu", "config", "version", "name", "refused"),
    [
        (T4, LLAMA, (0, 10, 2), "fp8", False),
        (A100, LLAMA, (0, 11, 0), "fp8", True),
        (H100, LLAMA, (0, 11, 0), "fp8", False),
        (A100, LLAMA, (0, 11, 1), "fp8", False),
        (T4, LLAMA, (0, 23, 0), "fp8_e4m3", False),
        (T4, LLAMA, (0, 24, 0), "fp8", True),
        (A100, LLAMA, V_NEW, "fp8", False),
        (A100, DEEPSEEK, V_NEW, "fp8", True),
        (H100, DEEPSEEK, V_NEW, "fp8", False),
        (H100, FP8, V_NEW, "fp8_e5m2", True),
        (H100, FP8, V_NEW, "fp8_e4m3", False),
        (MI210, LLAMA, V_NEW, "fp8", False),
    ],
)
def test_fp8_caches(gpu: str, config: dict[str, Any], version: Version, name: str, refused: bool) -> None:
    found = judge(gpu, config, version, kvCacheDtype=name, dtype="half")
    assert ("kvCacheDtype" in fields_of(found)) == refused
    assert "kvCacheDtype" not in fields_of(judge(gpu, config, S_NEW, engine=sglang(), kvCacheDtype=name))
