"""llama.cpp's buffers, against what llama-server b11669 and public logs report."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import Spec
from modelberth.planner.arguments import Arguments
from modelberth.planner.budgets.budget import Budget, Situation
from modelberth.planner.budgets.llama_cpp import CUDA_CONTEXT, PROCESS, budget
from modelberth.planner.budgets.llama_cpp_buffers import SLOTS
from modelberth.planner.files import Gguf, ModelFiles
from modelberth.planner.gguf_model import model_of_gguf
from tests.planner.gguf_shapes import SHAPES, gguf

MIB = 2**20
GIB = 2**30
NEW = (11669,)


def budget_of(
    file: Gguf, version: tuple[int, ...] = NEW, memory: int = 80 * GIB, args: tuple[str, ...] = (), **fields: Any
) -> Budget:
    record = {"model": {"uri": "hf://org/model"}, "engine": {"type": "LlamaCpp", "args": list(args)}, **fields}
    spec = Spec.model_validate(record)
    model = model_of_gguf(file)
    return budget(
        Situation(
            spec=spec,
            version=version,
            model=model,
            memory=memory,
            gpu=None,
            arguments=Arguments(spec.engine.args),
            max_model_len=spec.max_model_len or model.max_len or 4096,
            files=ModelFiles(gguf=file),
        )
    )


@dataclass(frozen=True)
class Start:
    """One start of llama-server b11669 on a file of this shape (device CPU, --fit off --verbosity 4)."""

    model: str
    length: int
    slots: int
    caches: float
    """KV buffers and states, MiB."""
    compute: float
    """Compute buffer, MiB."""
    kv_cache_dtype: str = "auto"
    arg: str | None = None
    spread: float = 0.04
    """Of the compute buffer: mixtures of experts are counted a little too large."""


STARTS = (
    Start("Llama 3.1 8B", 2048, 4, 1024, 126.02),
    Start("Llama 3.1 8B", 8192, 4, 4096, 156.02, arg="--kv-unified"),
    Start("Llama 3.1 8B", 8192, 2, 1088, 132.10, kv_cache_dtype="q8_0"),
    Start("Llama 3.1 8B", 333, 3, 54, 124.84, kv_cache_dtype="q4_0"),
    Start("Qwen3 8B", 2048, 4, 1152, 114.02),
    Start("Gemma 2 9B", 2048, 4, 2688, 123.03),
    Start("Gemma 3 12B", 2048, 4, 512 + 1920, 131.03),
    Start("Gemma 3 12B", 2048, 4, 512 + 1440, 140.03, arg="--kv-unified"),
    Start("Gemma 3 12B", 2048, 4, 512 + 2560, 131.53, arg="--swa-full"),
    Start("GPT-OSS 20B", 2048, 4, 192 + 72, 98.40),
    Start("Qwen3 30B-A3B", 2048, 4, 768, 90.02, spread=0.16),
    Start("DeepSeek V2 Lite", 2048, 4, 243, 86.14),
    Start("Mamba 2 2.7B", 2048, 4, 655.75, 86.91),
    Start("Granite 4.0 H 1B", 2048, 4, 64 + 221.48, 54.76),
    Start("Qwen3-Next 80B-A3B", 2048, 4, 192 + 301.5, 92.02, spread=0.16),
    Start("SmolLM2 135M", 2048, 4, 180, 16.64),
    Start("SmolLM2 135M", 512, 1, 11.25, 15.14),
)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start.model} {start.arg or start.kv_cache_dtype}")
def test_buffers_of_the_real_engine(start: Start) -> None:
    found = budget_of(
        SHAPES[start.model],
        device="CPU",
        maxModelLen=start.length,
        maxNumSeqs=start.slots,
        kvCacheDtype=start.kv_cache_dtype,
        args=(start.arg,) if start.arg else (),
    )
    assert found.kv_cache / MIB == pytest.approx(start.caches, abs=0.01)
    assert found.activation / MIB == pytest.approx(start.compute, rel=start.spread)


def test_a_large_vocabulary_before_logits_were_cut() -> None:
    """TriLM 3.9B on an RTX 4080: https://github.com/mozilla-ai/llamafile/pull/552."""
    file = gguf(
        "llama",
        (7000 * MIB, 297 * MIB, 297 * MIB),
        50688,
        embedding_length=3072,
        block_count=30,
        attention__head_count=24,
        attention__head_count_kv=24,
        feed_forward_length=9216,
        context_length=2048,
    )
    found = budget_of(file, (3500,), maxModelLen=512, maxNumSeqs=1)
    assert found.kv_cache / MIB == pytest.approx(180.00)
    assert found.activation / MIB == pytest.approx(105.00, abs=0.01)


def test_layers_are_dealt_out_to_two_gpus() -> None:
    """Yi 34B on two GPUs, --tensor-split 1,1: https://github.com/ggml-org/llama.cpp/issues/7217."""
    layer, head = 8796.98 / 31, 358.93
    file = gguf(
        "llama",
        (int(60 * layer * MIB), int(232.42 * MIB), int(head * MIB)),
        64000,
        embedding_length=7168,
        block_count=60,
        attention__head_count=56,
        attention__head_count_kv=8,
        feed_forward_length=20480,
        context_length=200000,
    )
    first = budget_of(file, maxModelLen=2048, maxNumSeqs=1, parallelism={"pipeline": 2})
    assert first.weights / MIB == pytest.approx(8796.98, rel=0.001)
    assert first.kv_cache / MIB == pytest.approx(31 * 2 * 8 * 128 * 2 * 2048 / MIB)
    shared = budget_of(file, maxModelLen=2048, maxNumSeqs=1, parallelism={"tensor": 2})
    assert shared.weights / MIB == pytest.approx((60 * layer + head) / 2, rel=0.001)


def test_weights_on_a_gpu_leave_the_embedding_on_the_host() -> None:
    file = SHAPES["Llama 3.1 8B"]
    assert budget_of(file, maxModelLen=512).weights == sum(file.layer_bytes) + file.output_bytes


def test_a_tied_head_is_on_the_gpu_too() -> None:
    file = SHAPES["Llama 3.2 1B"]
    assert budget_of(file, maxModelLen=512).weights == sum(file.layer_bytes) + file.embedding_bytes


def test_embeddings_of_single_layers_stay_on_the_host() -> None:
    file = gguf("gemma3n", (4, 3000, 0), 10, embedding_length=20, block_count=4, embedding_length_per_layer_input=10)
    assert budget_of(file, maxModelLen=512).weights == 4 + 1000


def test_device_cpu_counts_the_whole_file() -> None:
    """b11669 on SmolLM2 (Q4_1, AMX): 95.34 MiB repacked and 28.69 MiB mapped of a file of 92.1 MiB."""
    found = budget_of(SHAPES["SmolLM2 135M"], device="CPU", maxModelLen=2048)
    assert found.weights / MIB == pytest.approx(95.34 + 28.69, rel=0.03)
    assert found.overhead == PROCESS
    cached = budget_of(SHAPES["SmolLM2 135M"], device="CPU", maxModelLen=2048, args=("--cache-ram", "100"))
    assert cached.overhead == PROCESS + 100 * MIB


def test_the_whole_context_in_one_pool_where_no_length_is_given() -> None:
    found = budget_of(SHAPES["Llama 3.1 8B"], memory=200 * GIB)
    assert (found.kv_tokens, found.max_concurrency) == (131072, 1)
    assert found.kv_cache == 131072 * 128 * 1024
    old = budget_of(SHAPES["Llama 3.1 8B"], (7000,))
    assert old.kv_tokens == 4096


def test_slots_have_their_own_context() -> None:
    found = budget_of(SHAPES["Llama 3.1 8B"], maxModelLen=1000)
    assert (found.kv_tokens, found.max_concurrency) == (1024 * SLOTS, SLOTS)


def test_versions() -> None:
    latent, windows, dense = SHAPES["DeepSeek V2 Lite"], SHAPES["Gemma 3 12B"], SHAPES["Llama 3.1 8B"]
    assert budget_of(latent, (7500,), maxModelLen=2048).kv_cache == 27 * 8192 * (576 + 512) * 2
    assert budget_of(windows, (5000,), maxModelLen=2048).kv_cache == 48 * 8192 * 8192
    # Without flash attention: scores of 32 heads, a mask and 4 times the hidden states.
    assert budget_of(dense, (6000,), maxModelLen=8192, maxNumSeqs=1).activation == (512 + 8 + 32) * MIB
    assert budget_of(dense, (6000,), maxModelLen=8192, args=("-fa", "on")).activation == 258.5 * MIB


def test_what_does_not_fit_says_why() -> None:
    file = SHAPES["Llama 3.1 8B"]
    fits = budget_of(file, memory=8 * GIB, maxModelLen=4096)
    assert not fits.problems
    assert fits.overhead == CUDA_CONTEXT
    [long] = budget_of(file, memory=8 * GIB, maxModelLen=16384).problems
    assert (long.field, long.reason) == ("spec.maxModelLen", "DoesNotFit")
    assert "4 slots of 16384 tokens needs 8.00 GiB" in long.message
    [whole] = budget_of(file, memory=8 * GIB).problems
    assert "131072 tokens needs 16.00 GiB" in whole.message
    [weights] = budget_of(file, memory=4 * GIB, maxModelLen=512).problems
    assert weights.field == "spec.gpuMemoryUtilization"
    [limit] = budget_of(file, memory=4 * GIB, maxModelLen=512, device="CPU").problems
    assert "the memory limit" in limit.message


def test_without_a_header_weights_are_assumed() -> None:
    file = SHAPES["Llama 3.1 8B"]
    spec = Spec.model_validate({"model": {"uri": "hf://org/model"}, "engine": {"type": "LlamaCpp"}, "maxModelLen": 512})
    for device in ("GPU", "CPU"):
        found = budget(
            Situation(
                spec.model_copy(update={"device": device}), NEW, model_of_gguf(file), 80 * GIB, None, Arguments(), 512
            )
        )
        assert found.assumed
        assert found.weights == 2 * model_of_gguf(file).parameters


@given(
    st.sampled_from(sorted(SHAPES)),
    st.integers(1, 20000),
    st.integers(1, 64),
    st.sampled_from(["auto", "q8_0", "q4_0", "f32", "iq4_nl"]),
)
def test_the_kv_cache_grows_with_context_and_slots(name: str, length: int, slots: int, kind: str) -> None:
    def caches(length: int, slots: int) -> Budget:
        return budget_of(SHAPES[name], maxModelLen=length, maxNumSeqs=slots, kvCacheDtype=kind)

    least = caches(length, slots)
    assert 0 < least.kv_cache <= caches(length + 500, slots).kv_cache
    assert least.kv_cache < caches(length, slots + 1).kv_cache
    assert least.kv_tokens >= length * slots
    assert least.max_concurrency == slots


@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 2**36), st.integers(0, 2**36), st.integers(1, 8), st.booleans())
def test_more_memory_fits_no_less(name: str, memory: int, more: int, gpus: int, layers: bool) -> None:
    def planned(memory: int, gpus: int) -> Budget:
        split = {"pipeline" if layers else "tensor": gpus}
        return budget_of(SHAPES[name], memory=memory, maxModelLen=4096, parallelism=split)

    if not planned(memory, gpus).problems:
        assert not planned(memory + more, gpus).problems
    assert planned(memory, 2 * gpus).weights <= planned(memory, gpus).weights
