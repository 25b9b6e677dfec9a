"""vLLM's budget: rules that change with the version, the device and the arguments."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.api.spec import Spec
from modelberth.planner.budgets.budget import Budget, Situation
from modelberth.planner.budgets.vllm import budget
from modelberth.planner.budgets.vllm_profiling import run_of
from modelberth.planner.plan import DOES_NOT_FIT, GIB
from modelberth.planner.planning import situation_of
from modelberth.planner.request import PlanRequest
from tests.planner.shapes import DEEPSEEK_V32, LLAMA_31_8B, LLAMA_31_70B, QWEN_3_NEXT, model


def situation(config: dict[str, Any] = LLAMA_31_8B, version: tuple[int, ...] = (0, 10, 2), **fields: Any) -> Situation:
    engine = {"type": "vLLM", "args": fields.pop("args", []), "env": fields.pop("env", [])}
    spec = {"model": {"uri": "hf://org/name"}, "gpu": {"type": "NVIDIA-L40S"}, "maxModelLen": 8192, **fields}
    made = situation_of(PlanRequest(Spec.model_validate(spec | {"engine": engine}), version), model(config))
    assert isinstance(made, Situation)
    return made


def planned(config: dict[str, Any] = LLAMA_31_8B, version: tuple[int, ...] = (0, 10, 2), **fields: Any) -> Budget:
    return budget(situation(config, version, **fields))


@pytest.mark.parametrize(
    ("gpu", "version", "tokens", "sequences"),
    [
        ("NVIDIA-L40S", (0, 10, 2), 2048, 256),
        ("NVIDIA-H100-80GB-HBM3", (0, 10, 2), 8192, 1024),
        ("NVIDIA-A100-SXM4-80GB", (0, 10, 2), 2048, 256),
        ("NVIDIA-A100-SXM4-80GB", (0, 8, 5), 8192, 1024),
        ("NVIDIA-H200", (0, 8, 1), 8192, 256),
        ("NVIDIA-B200", (0, 26), 8192, 1024),
        ("NVIDIA-B200", (0, 32), 16384, 1024),
        ("NVIDIA-GB10", (0, 32), 2048, 256),
        ("Tesla-T4", (0, 8, 5), 8192, 256),
    ],
)
def test_default_batches(gpu: str, version: tuple[int, ...], tokens: int, sequences: int) -> None:
    batch = run_of(situation(version=version, gpu={"type": gpu})).batch
    assert (batch.tokens, batch.sequences) == (tokens, sequences)


@pytest.mark.parametrize(
    ("length", "args", "tokens"),
    [
        (1024, [], 2048),
        (8192, [], 8192),
        (32768, [], 32768),
        # Chunked prefill is on from here.
        (32769, [], 2048),
        (8192, ["--enable-chunked-prefill"], 2048),
        (8192, ["--max-num-batched-tokens", "512"], 512),
    ],
)
def test_the_first_generation_profiles_whole_prompts(length: int, args: list[str], tokens: int) -> None:
    assert run_of(situation(version=(0, 7, 3), maxModelLen=length, args=args)).batch.tokens == tokens


@pytest.mark.parametrize(
    ("version", "gpu", "env", "v1"),
    [
        ((0, 7, 3), "NVIDIA-L4", [], False),
        ((0, 7, 3), "NVIDIA-L4", [{"name": "VLLM_USE_V1", "value": "1"}], True),
        ((0, 8, 5), "NVIDIA-L4", [], True),
        ((0, 8, 5), "Tesla-T4", [], False),
        ((0, 8, 5), "NVIDIA-L4", [{"name": "VLLM_USE_V1", "value": "0"}], False),
        ((0, 11), "Tesla-T4", [{"name": "VLLM_USE_V1", "value": "0"}], True),
    ],
)
def test_which_generation_runs(version: tuple[int, ...], gpu: str, env: list[dict[str, str]], v1: bool) -> None:
    assert run_of(situation(version=version, gpu={"type": gpu}, env=env)).v1 is v1


def test_the_parts_are_the_whole() -> None:
    for version in ((0, 7, 3), (0, 10, 2), (0, 26)):
        made = planned(version=version)
        assert made.budget == made.weights + made.activation + made.overhead + made.kv_cache


def test_graphs_are_in_the_budget_since_0_21() -> None:
    before, after = planned(version=(0, 20)), planned(version=(0, 21))
    eager = planned(version=(0, 21), args=["--enforce-eager"])
    assert after.overhead > before.overhead
    assert eager.overhead == before.overhead
    env = [{"name": "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS", "value": "0"}]
    assert planned(version=(0, 21), env=env).overhead == before.overhead


def test_one_request_must_fit() -> None:
    made = planned(gpu={"type": "NVIDIA-L4"}, maxModelLen=131072)
    (problem,) = made.problems
    assert (problem.field, problem.reason) == ("spec.maxModelLen", DOES_NOT_FIT)
    assert made.max_concurrency < 1
    assert not planned(gpu={"type": "NVIDIA-L4"}).problems


def test_weights_must_fit() -> None:
    made = planned(LLAMA_31_70B)
    (problem,) = made.problems
    assert problem.field == "spec.gpuMemoryUtilization"
    assert made.kv_cache < 0
    assert made.kv_tokens == 0


def test_nobody_gets_the_whole_gpu() -> None:
    """vLLM looks at what is free before it starts, and the driver's context is not."""
    assert planned(version=(0, 7, 3), gpuMemoryUtilization=1.0).problems == ()
    (problem,) = planned(gpuMemoryUtilization=1.0).problems
    assert problem.field == "spec.gpuMemoryUtilization"


def test_older_versions_load_before_they_quantize() -> None:
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-H100-80GB-HBM3"}, "quantization": "fp8"}
    (problem,) = planned(LLAMA_31_70B, (0, 10, 2), **fields).problems
    assert problem.field == "spec.quantization"
    assert not planned(LLAMA_31_70B, (0, 15), **fields, gpuMemoryUtilization=0.95).problems


def test_data_ranks_add_up() -> None:
    one, two = planned(), planned(parallelism={"data": 2})
    assert two.kv_tokens == 2 * one.kv_tokens
    assert two.max_concurrency == 2 * one.max_concurrency


def test_stages_share_layers() -> None:
    whole = planned(LLAMA_31_70B, gpu={"type": "NVIDIA-H200"}, parallelism={"tensor": 2})
    halves = planned(LLAMA_31_70B, gpu={"type": "NVIDIA-H200"}, parallelism={"tensor": 2, "pipeline": 2})
    assert halves.weights < 0.52 * whole.weights
    assert halves.kv_cache / halves.kv_tokens == pytest.approx(whole.kv_cache / whole.kv_tokens / 2, rel=0.02)


def test_arguments_move_memory() -> None:
    plain = planned()
    assert planned(args=["--cpu-offload-gb", "4"]).weights == plain.weights - 4 * GIB
    assert planned(args=["--enable-lora", "--max-lora-rank", "64"]).weights > plain.weights
    assert planned(args=["--kv-cache-memory-bytes", "2147483648"]).kv_cache == 2 * GIB
    assert planned(args=["--num-gpu-blocks-override", "1000"]).kv_tokens == 16_000
    draft = planned(args=["--speculative-config", '{"method": "eagle", "model": "x"}'])
    assert draft.kv_cache / draft.kv_tokens == pytest.approx(33 / 32 * plain.kv_cache / plain.kv_tokens, rel=0.001)
    assert draft.assumed
    assert planned(args=["--speculative-config", '{"method": "ngram"}']) == plain


def test_caches_of_sparse_attention() -> None:
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-H200"}, "parallelism": {"tensor": 8}}

    def token(version: tuple[int, ...], dtype: str) -> float:
        made = planned(DEEPSEEK_V32, version, kvCacheDtype=dtype, **fields)
        return made.kv_cache / made.kv_tokens / 61

    assert token((0, 13), "auto") == pytest.approx(1152 + 132, rel=0.001)
    assert token((0, 13), "fp8") == pytest.approx(656 + 132, rel=0.001)
    assert token((0, 26), "fp8") == pytest.approx(576 + 132, rel=0.001)


def test_states_were_outside_of_the_pool() -> None:
    old = situation(QWEN_3_NEXT, (0, 8, 5), gpu={"type": "NVIDIA-H200"}, maxNumSeqs=64)
    many = replace(old, spec=old.spec.model_copy(update={"max_num_seqs": 128}))
    assert budget(many).overhead > budget(old).overhead


@pytest.mark.parametrize("args", [[], ["--enable-expert-parallel"]])
def test_data_ranks_share_the_routed_experts(args: list[str]) -> None:
    """FusedMoEParallelConfig of vLLM: the experts of DeepSeek-V3 lie on all eight GPUs, everything else on each."""
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-H200"}, "args": args}
    tensor, data = (planned(DEEPSEEK_V32, (0, 11), parallelism={way: 8}, **fields) for way in ("tensor", "data"))
    experts = (61 - 3) * 256 * 3 * 7168 * 2048 / 8
    assert experts < tensor.weights < data.weights < experts + 20 * GIB
    assert not data.problems
    # Collectives join them, and the batches of all ranks go through the experts together.
    assert data.overhead == tensor.overhead
    tensor, data = (planned(DEEPSEEK_V32, (0, 20), parallelism={way: 8}, **fields) for way in ("tensor", "data"))
    assert data.activation > 3 * tensor.activation


@pytest.mark.parametrize(("version", "tokens"), [((0, 17), 32768), ((0, 18), 65536)])
def test_the_kernel_of_experts_took_chunks(version: tuple[int, ...], tokens: int) -> None:
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-H200"}}
    batch = run_of(situation(DEEPSEEK_V32, version, parallelism={"data": 8}, **fields)).batch
    assert (batch.tokens, batch.expert_tokens, batch.expert_tensor) == (8192, tokens, 8)
    assert run_of(situation(DEEPSEEK_V32, version, parallelism={"tensor": 8}, **fields)).batch.expert_tokens is None


def test_tokens_are_sent_to_their_experts() -> None:
    fields: dict[str, Any] = {"gpu": {"type": "NVIDIA-H200"}, "parallelism": {"data": 8}}
    whole = ["--enable-expert-parallel"]
    gathered = planned(DEEPSEEK_V32, (0, 20), args=whole, **fields)
    sent = planned(DEEPSEEK_V32, (0, 20), args=[*whole, "--all2all-backend", "deepep_high_throughput"], **fields)
    assert sent.activation < gathered.activation / 4


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (1000, ""),
        (100, "--num-gpu-blocks-override 100 makes a KV cache of 0.20 GiB, one request needs 1.00 GiB"),
        (100_000, "--num-gpu-blocks-override 100000 makes a KV cache of 195.31 GiB, 23."),
    ],
)
def test_a_number_of_blocks_that_somebody_chose(blocks: int, message: str) -> None:
    made = planned(args=["--num-gpu-blocks-override", str(blocks)])
    assert made.kv_cache == blocks * 16 * 131072
    assert [problem.field for problem in made.problems] == (["spec.engine.args"] if message else [])
    assert message in "".join(problem.message for problem in made.problems)
