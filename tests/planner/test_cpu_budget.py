"""vLLM and SGLang on device CPU, against pods of the real engines."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import Spec
from modelberth.planner.arguments import Arguments
from modelberth.planner.budgets.budget import Budget, Situation
from modelberth.planner.budgets.cpu import sglang_budget, vllm_budget, vllm_room
from modelberth.planner.config.reading import read_model
from modelberth.planner.files import ModelFiles

MIB = 2**20
GIB = 2**30
VERSIONS = {"vLLM": (0, 32, 0), "SGLang": (0, 5, 23)}


def config(
    hidden: int, layers: int, heads: tuple[int, int], inner: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        **more,
    }


INT4 = {"bits": 4, "group_size": 64}
SMOL = config(576, 30, (9, 3), 1536, 49152)
SMOL_AWQ = SMOL | {"quantization_config": {"quant_method": "awq", "version": "gemm", "zero_point": True, **INT4}}
SMOL_GPTQ = SMOL | {"quantization_config": {"quant_method": "gptq", "desc_act": False, "sym": True, **INT4}}
LARGE = config(2048, 16, (32, 8), 8192, 128256)
LARGE_AWQ = LARGE | {"quantization_config": SMOL_AWQ["quantization_config"]}
QWEN = config(896, 24, (14, 2), 4864, 151936)
UNTIED = config(1536, 12, (12, 12), 6144, 64000, tie_word_embeddings=False)


def situation_of(record: dict[str, Any], limit: int = 16 * GIB, **fields: Any) -> Situation:
    version = fields.pop("version", None)
    spec = Spec.model_validate(
        {"model": {"uri": "hf://org/model"}, "engine": {"type": "vLLM"}, "device": "CPU", **fields}
    )
    model = read_model(ModelFiles(config=record))
    return Situation(
        spec=spec,
        version=version or VERSIONS[spec.engine.type],
        model=model,
        memory=limit,
        gpu=None,
        arguments=Arguments(spec.engine.args, spec.engine.env),
        max_model_len=spec.max_model_len or model.max_len or 4096,
    )


def budget_of(record: dict[str, Any], limit: int, **fields: Any) -> Budget:
    situation = situation_of(record, limit, **fields)
    return (vllm_budget if situation.spec.engine.type == "vLLM" else sglang_budget)(situation)


@dataclass(frozen=True)
class Peak:
    """A pod under load (bench/cpu_memory.py): what the kernel could not drop, and the KV cache in it, in MiB."""

    engine: str
    config: dict[str, Any]
    kv_cache: float
    peak: float
    sequences: int = 4
    length: int = 2048


PEAKS = {
    "vLLM SmolLM2 135M": Peak("vLLM", SMOL, 256, 2583),
    "vLLM SmolLM2 135M AWQ": Peak("vLLM", SMOL_AWQ, 256, 2398),
    "vLLM SmolLM2 135M GPTQ": Peak("vLLM", SMOL_GPTQ, 256, 2393),
    "vLLM 0.5B, large vocabulary": Peak("vLLM", QWEN, 512, 3974, sequences=8),
    "vLLM 1.2B": Peak("vLLM", LARGE, 512, 6065),
    "vLLM 1.2B AWQ": Peak("vLLM", LARGE_AWQ, 512, 4866),
    "vLLM 0.6B, untied": Peak("vLLM", UNTIED, 512, 4185),
    "SGLang SmolLM2 135M": Peak("SGLang", SMOL, 10000 * 23040 / MIB, 3033),
    "SGLang 0.6B, untied": Peak("SGLang", UNTIED, 10000 * 73728 / MIB, 4876),
    "SGLang 1.2B": Peak("SGLang", LARGE, 10000 * 32768 / MIB, 5627),
}


@pytest.mark.parametrize("name", PEAKS)
def test_what_pods_really_took(name: str) -> None:
    """The plan is never below what was measured, and at most 5.5 % above it. So large a limit has room for pages."""
    seen = PEAKS[name]
    plan = budget_of(
        seen.config, 100 * GIB, engine={"type": seen.engine}, maxModelLen=seen.length, maxNumSeqs=seen.sequences
    )
    total = (plan.weights + plan.activation + plan.overhead) / MIB + seen.kv_cache
    assert seen.peak <= total <= seen.peak * 1.055


@pytest.mark.parametrize(
    ("record", "kv_bytes", "length", "tokens"),
    [
        (SMOL, 268435456, 2048, 11648),
        (SMOL_AWQ, 268435456, 2048, 11648),
        (SMOL, 700000000, None, 30336),
        (QWEN, 536870912, 2048, 43648),
        (LARGE, 536870912, 2048, 16384),
        (UNTIED, 536870912, 2048, 7168),
    ],
)
def test_tokens_that_vllm_makes_of_its_bytes(
    record: dict[str, Any], kv_bytes: int, length: int | None, tokens: int
) -> None:
    """vllm:cache_config_info{kv_cache_size_tokens} of pods that were started with --kv-cache-memory-bytes."""
    assert vllm_room(situation_of(record, maxModelLen=length), kv_bytes).tokens == tokens


def test_an_fp8_cache_holds_twice_as_much() -> None:
    """The same of a pod with --kv-cache-dtype fp8."""
    assert vllm_room(situation_of(SMOL, maxModelLen=2048, kvCacheDtype="fp8"), 134217728).tokens == 11648


def test_a_cache_cut_over_three_ranks() -> None:
    """The same of a pod with --tensor-parallel-size 3."""
    situation = situation_of(SMOL, maxModelLen=2048, parallelism={"tensor": 3})
    assert vllm_room(situation, 134217728).tokens == 17408


def test_sglang_wants_a_numa_node_for_each_rank() -> None:
    def assumed(**fields: Any) -> tuple[str, ...]:
        return budget_of(SMOL, 32 * GIB, parallelism={"data": 2}, **fields).assumed

    engine = {"type": "SGLang"}
    assert "2 NUMA nodes" in assumed(engine=engine)[0]
    bound = [{"name": "SGLANG_CPU_OMP_THREADS_BIND", "value": "0|1"}]
    assert not assumed(engine=engine | {"env": bound})
    assert not assumed()


def test_the_launch_says_what_was_planned() -> None:
    plan = budget_of(SMOL_AWQ, 6 * GIB, gpuMemoryUtilization=0.5, maxModelLen=2048, maxNumSeqs=4)
    assert plan.budget == 3 * GIB == plan.weights + plan.activation + plan.overhead + plan.kv_cache
    assert plan.launch.cpu_kv_bytes == plan.kv_cache
    assert plan.launch.cpu_kv_tokens == plan.kv_tokens
    assert plan.kv_tokens == plan.kv_cache // (128 * 23040) * 128
    assert plan.max_concurrency == plan.kv_tokens / 2048


def test_sglang_is_told_tokens() -> None:
    fields = {"engine": {"type": "SGLang"}, "gpuMemoryUtilization": 0.5, "maxModelLen": 2048, "maxNumSeqs": 4}
    plan = budget_of(SMOL, 8 * GIB, **fields)
    assert plan.launch.cpu_kv_tokens == plan.kv_tokens == plan.kv_cache // 23040


def test_pages_of_files_count_as_used_while_vllm_starts() -> None:
    """A model of 2.3 GiB, none of it in the page cache, in a limit of 7 GiB: the real vLLM found 0.0 GiB available for
    the 1.77 GiB that weights and processes would leave."""
    assert budget_of(LARGE, 7 * GIB, maxModelLen=2048, maxNumSeqs=4).problems
    tight, roomy = (budget_of(LARGE, size * GIB, maxModelLen=2048, maxNumSeqs=4) for size in (12, 100))
    pages = tight.overhead - roomy.overhead
    assert 2 * GIB < pages < 5 * GIB
    assert tight.budget == tight.weights + tight.activation + tight.overhead + tight.kv_cache
    # Versions that looked at the node's memory only.
    old = budget_of(LARGE, 12 * GIB, maxModelLen=2048, maxNumSeqs=4, version=(0, 22))
    assert (old.overhead, old.kv_cache) == (roomy.overhead, tight.kv_cache + pages)


def test_what_does_not_fit_says_why() -> None:
    [small] = budget_of(SMOL, 2 * GIB).problems
    assert (small.field, small.reason) == ("spec.resources.limits", "DoesNotFit")
    assert "too much" in small.message
    [long] = budget_of(SMOL, 6 * GIB, maxModelLen=100000, gpuMemoryUtilization=0.5, maxNumSeqs=4).problems
    assert long.field == "spec.maxModelLen"
    assert "one request of 100000 tokens needs 2.15 GiB" in long.message


def test_the_message_names_everything_that_takes_memory() -> None:
    [found] = budget_of(LARGE, 7 * GIB, maxModelLen=2048, maxNumSeqs=4).problems
    assert re.fullmatch(
        r"weights \(3\.\d\d GiB, 1\.\d\d GiB of it repacked for kernels\), the engine's processes "
        r"\(2\.\d\d GiB\) and the pages of files that were read \(\d\.\d\d GiB, which count as used at start\) "
        r"leave nothing of the memory limit for the KV cache: \d\.\d\d GiB too much",
        found.message,
    )
    [longer] = budget_of(LARGE, 12 * GIB, maxModelLen=200_000, maxNumSeqs=4).problems
    assert "of the memory limit is left beside the pages of files that were read" in longer.message


def test_old_vllm_counts_whole_gib() -> None:
    fields = {"maxModelLen": 2048, "maxNumSeqs": 4, "version": (0, 19, 1)}
    assert budget_of(SMOL, 8 * GIB, **fields).launch.cpu_kv_bytes % GIB == 0
    [found] = budget_of(SMOL, 3 * GIB, **fields).problems
    assert found.message.endswith("needs 0.04 GiB, 0.36 GiB of the memory limit is left; this version takes whole GiB")


@pytest.mark.parametrize("engine", ["vLLM", "SGLang"])
def test_ranks_have_processes_of_their_own(engine: str) -> None:
    def planned(**parallelism: int) -> Budget:
        return budget_of(SMOL, 64 * GIB, engine={"type": engine}, maxModelLen=2048, parallelism=parallelism)

    one, cut, twice = planned(), planned(tensor=3), planned(data=2)
    assert one.overhead < twice.overhead
    assert one.overhead < cut.overhead
    assert twice.weights == 2 * one.weights
    assert cut.launch.cpu_kv_bytes == cut.kv_cache // 3
    assert twice.kv_tokens == 2 * twice.launch.cpu_kv_tokens


def test_flags_of_the_batch_count() -> None:
    few = budget_of(LARGE, 16 * GIB, engine={"type": "vLLM", "args": ["--max-num-batched-tokens", "256"]})
    assert few.activation < budget_of(LARGE, 16 * GIB).activation


CONFIGS = st.sampled_from([SMOL, SMOL_AWQ, LARGE, QWEN, UNTIED])
SPECS = st.fixed_dictionaries(
    {
        "engine": st.sampled_from([{"type": "vLLM"}, {"type": "SGLang"}]),
        "maxModelLen": st.none() | st.integers(1, 2**20),
        "maxNumSeqs": st.none() | st.integers(1, 512),
        "gpuMemoryUtilization": st.floats(0.01, 1),
        "kvCacheDtype": st.sampled_from(["auto", "fp8"]),
        "parallelism": st.fixed_dictionaries({"tensor": st.sampled_from([1, 3]), "data": st.integers(1, 2)}),
    }
)


@given(CONFIGS, SPECS, st.integers(0, 2**38), st.integers(0, 2**38))
def test_more_memory_never_holds_fewer_tokens(
    record: dict[str, Any], fields: dict[str, Any], low: int, more: int
) -> None:
    less, greater = budget_of(record, low, **fields), budget_of(record, low + more, **fields)
    assert 0 <= less.kv_tokens <= greater.kv_tokens
    assert 0 <= less.launch.cpu_kv_bytes <= greater.launch.cpu_kv_bytes
    if not less.problems:
        assert less.max_concurrency >= 1
        assert not greater.problems
