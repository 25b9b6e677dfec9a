"""What an engine version cannot read, and what a node cannot offer. Each case is what the engine's own source does."""

from typing import Any

import pytest

from modelberth.api.engine_facts import Version
from modelberth.api.engine_tables import FACTS
from modelberth.planner.files import Gguf, ModelFiles
from modelberth.planner.plan import UNSUPPORTED
from modelberth.planner.rules.case import NOT_IN_RELEASE
from modelberth.planner.rules.options import UNKNOWN_OPTION
from tests.planner.rule_cases import (
    A100,
    B200,
    H100,
    L4,
    LLAMA,
    MI300X,
    MIXTURE,
    NF4,
    S_NEW,
    V_NEW,
    fields_of,
    judge,
    quantized,
    sglang,
)
from tests.planner.shapes import DEEPSEEK_V32, GPT_OSS_20B, QWEN_3_NEXT

NEWEST = FACTS["vLLM"].newest
SLICE = f"{A100}-MIG-3g.40gb"


@pytest.mark.parametrize(
    ("config", "engine", "version", "refused"),
    [
        (GPT_OSS_20B, "vLLM", (0, 10), True),
        (GPT_OSS_20B, "vLLM", (0, 10, 1), False),
        (GPT_OSS_20B, "SGLang", (0, 4, 10), True),
        (GPT_OSS_20B, "SGLang", (0, 5, 1), False),
        (QWEN_3_NEXT, "vLLM", (0, 10, 1), True),
        (QWEN_3_NEXT, "vLLM", (0, 10, 2), False),
        (QWEN_3_NEXT, "SGLang", (0, 5, 1), True),
        (DEEPSEEK_V32, "vLLM", (0, 10, 2), True),
        (DEEPSEEK_V32, "vLLM", (0, 11), False),
        (LLAMA, "vLLM", (0, 7, 3), False),
        (LLAMA, "SGLang", (0, 4), False),
        # llama.cpp goes by the architecture of its own header.
        (GPT_OSS_20B, "LlamaCpp", (1,), False),
    ],
)
def test_models_younger_than_the_engine(config: dict[str, Any], engine: str, version: Version, refused: bool) -> None:
    found = fields_of(judge(H100, config, version, engine={"type": engine}))
    assert ("engine.image" in found) == refused
    assert bool(found) == refused


@pytest.mark.parametrize(
    ("image", "refused"),
    [
        ("vllm/vllm-openai:v0.10.1", True),
        ("registry.example.com:5000/mirror/vllm-openai:v0.10.1@sha256:abc", True),
        ("qwenllm/qwen3-next:0.10.1", False),
    ],
)
def test_forks_may_know_more(image: str, refused: bool) -> None:
    engine = {"type": "vLLM", "image": image}
    for config, version in ((QWEN_3_NEXT, (0, 10, 1)), (NF4, (0, 28)), (quantized(MIXTURE, "mxfp4"), (0, 10))):
        found = judge(B200, config, version, engine=engine)
        assert [each.reason for each in found] == [UNSUPPORTED if refused else NOT_IN_RELEASE]


@pytest.mark.parametrize(
    ("config", "version", "engine", "use"),
    [
        (quantized(MIXTURE, "mxfp4"), (0, 10), "vLLM", "vLLM 0.10.1 or newer"),
        (quantized(MIXTURE, "mxfp4"), (0, 10, 1), "vLLM", ""),
        (quantized(MIXTURE, "mxfp4"), (0, 4, 10), "SGLang", "SGLang 0.5.1 or newer"),
        (NF4, (0, 27), "vLLM", ""),
        (NF4, (0, 28), "vLLM", "vLLM before 0.28"),
        (NF4, (0, 5, 8), "SGLang", ""),
        # inc reads what AutoRound made since its own name is gone.
        (quantized(LLAMA, "auto-round", bits=4, group_size=128), V_NEW, "vLLM", ""),
        (quantized(LLAMA, "unheard-of"), V_NEW, "vLLM", ""),
        # SGLang's tables tell nothing of it.
        (quantized(LLAMA, "aqlm"), S_NEW, "SGLang", ""),
    ],
)
def test_quantizations_come_and_go(config: dict[str, Any], version: Version, engine: str, use: str) -> None:
    found = judge(H100, config, version, engine={"type": engine})
    assert fields_of(found) == (["model.uri"] if use else [])
    assert (f"checkpoints; use {use}, or another" in "".join(each.message for each in found)) == bool(use)


@pytest.mark.parametrize(
    ("config", "version", "refused"),
    [
        (LLAMA, S_NEW, False),
        (LLAMA, (0, 5, 5), True),
        (LLAMA, (0, 5, 4), False),
        (MIXTURE, S_NEW, True),
        (MIXTURE, (0, 4, 6), True),
        (LLAMA | {"architectures": []}, S_NEW, False),
    ],
)
def test_bitsandbytes_in_sglang_is_for_models_with_a_mapping(
    config: dict[str, Any], version: Version, refused: bool
) -> None:
    found = judge(L4, config, version, engine=sglang(), quantization="bitsandbytes")
    assert fields_of(found) == (["quantization"] if refused else [])
    assert fields_of(judge(L4, config, (0, 27), quantization="bitsandbytes")) == []


@pytest.mark.parametrize(
    ("config", "version", "refused"), [(MIXTURE, (0, 9, 2), True), (MIXTURE, (0, 10), False), (LLAMA, (0, 9, 2), False)]
)
def test_bitsandbytes_came_to_experts_late(config: dict[str, Any], version: Version, refused: bool) -> None:
    assert fields_of(judge(L4, config, version, quantization="bitsandbytes")) == (["quantization"] if refused else [])


@pytest.mark.parametrize(
    ("engine", "version", "refused"),
    [("vLLM", (0, 24), True), ("vLLM", (0, 23), False), ("SGLang", S_NEW, False), ("LlamaCpp", (11669,), False)],
)
def test_a_gguf_file_is_for_engines_that_read_it(engine: str, version: Version, refused: bool) -> None:
    metadata = {"general.architecture": "llama", "llama.block_count": 1, "llama.embedding_length": 64}
    files = ModelFiles(gguf=Gguf(metadata, (1000,), 100, 100))
    found = judge(L4, version=version, files=files, engine={"type": engine}, maxModelLen=512)
    assert fields_of(found) == (["model.uri"] if refused else [])


@pytest.mark.parametrize(
    ("label", "resource", "refused"),
    [
        (H100, "nvidia.com/gpu", False),
        (H100, "amd.com/gpu", True),
        (MI300X, "amd.com/gpu", False),
        (MI300X, "nvidia.com/gpu", True),
        (A100, "nvidia.com/mig-3g.40gb", False),
        # A name of one's own says nothing.
        (H100, "example.com/gpu", False),
        (MI300X, "example.com/gpu", False),
    ],
)
def test_each_vendor_has_its_resource(label: str, resource: str, refused: bool) -> None:
    found = judge({"type": label, "resourceName": resource}, maxModelLen=512)
    assert fields_of(found) == (["gpu.resourceName"] if refused else [])


@pytest.mark.parametrize("engine", ["vLLM", "SGLang", "LlamaCpp"])
@pytest.mark.parametrize("way", ["tensor", "pipeline"])
@pytest.mark.parametrize(
    "gpu",
    [
        {"type": SLICE},
        {"type": A100, "resourceName": "nvidia.com/mig-3g.40gb"},
        {"type": f"{SLICE}-SHARED"},
        {"memoryGiB": 39.5, "resourceName": "nvidia.com/mig-3g.40gb"},
    ],
)
def test_slices_do_not_work_together(engine: str, way: str, gpu: dict[str, Any]) -> None:
    version = {"vLLM": V_NEW, "SGLang": S_NEW, "LlamaCpp": (11669,)}[engine]
    fields: dict[str, Any] = {"version": version, "engine": {"type": engine}}
    assert fields_of(judge(gpu, parallelism={way: 2}, **fields)) == [f"parallelism.{way}"]
    assert fields_of(judge(gpu, **fields)) == []
    assert fields_of(judge(A100, parallelism={way: 2}, **fields)) == []


@pytest.mark.parametrize(
    ("args", "version", "reasons"),
    [
        (["--max-num-batched-tokens", "8k", "--compilation-config.level", "0", "-O3"], NEWEST, []),
        (["--enable_prefix_cach", "--no-enable-chunked-prefill"], NEWEST, []),
        (["--max-num-batched-tokens", "many"], NEWEST, [UNSUPPORTED]),
        (["--block-size=0"], (0, 11), [UNSUPPORTED]),
        (["--num-gpu-blocks-override"], NEWEST, [UNSUPPORTED]),
        (["--make-it-fast"], NEWEST, [UNKNOWN_OPTION]),
        # Which options another version has is not known.
        (["--make-it-fast"], (0, 31, 0), []),
    ],
)
def test_options_that_the_parser_does_not_take(args: list[str], version: Version, reasons: list[str]) -> None:
    found = judge(L4, version=version, engine={"type": "vLLM", "args": args})
    assert [each.reason for each in found] == reasons
    assert all(each.field == "spec.engine.args" for each in found)
