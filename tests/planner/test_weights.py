"""Weights beside what vLLM logged for them ("Loading model weights took"), in GiB of one GPU."""

from typing import Any

import pytest

from modelberth.planner.model import Matrix, Model
from modelberth.planner.quantization import FP8, NF4, scheme_held
from modelberth.planner.weights import (
    Held,
    Sharding,
    absorbed_bytes,
    allocated,
    lora_bytes,
    partition,
    rope_table_bytes,
    shard,
    stages,
)
from tests.planner.shapes import (
    AWQ,
    DEEPSEEK_V32,
    FP8_BLOCKS,
    GEMMA_3_27B,
    GPT_OSS_20B,
    GPTQ,
    LLAMA_3_8B,
    LLAMA_31_8B,
    LLAMA_31_70B,
    QWEN_3_8B,
    QWEN_3_NEXT,
    QWEN_25_7B,
    QWEN_25_32B,
    model,
)

MIB, GIB = 2**20, 2**30


def weights(read: Model, quantization: str = "auto", **changes: Any) -> float:
    """GiB of the first stage."""
    held = Held(scheme_held(read, quantization), 2, **changes)
    return stages(read, held)[0].weights / GIB


@pytest.mark.parametrize(
    ("config", "tensor", "logged"),
    [
        (LLAMA_3_8B, 1, 14.9595),
        # The table of rotary embeddings is 16 times longer.
        (LLAMA_31_8B, 1, 14.9888),
        # Tensors of 259 MiB get 260 of torch.
        (QWEN_25_7B, 1, 14.2487),
        (QWEN_25_32B, 2, 30.7098),
        (QWEN_3_8B, 1, 15.2683),
        (QWEN_3_8B | {"quantization_config": FP8_BLOCKS}, 1, 8.80),
        (LLAMA_31_8B | {"quantization_config": AWQ}, 1, 5.3748),
        (LLAMA_31_8B | {"quantization_config": GPTQ}, 1, 5.3494),
        (QWEN_3_NEXT, 2, 74.2812),
    ],
)
def test_logged_weights(config: dict[str, Any], tensor: int, logged: float) -> None:
    sharding = Sharding(tensor=tensor, attention=tensor)
    assert weights(model(config), sharding=sharding) == pytest.approx(logged, rel=0.005)


def test_mxfp4_experts_are_padded() -> None:
    assert weights(model(GPT_OSS_20B), hidden_multiple=256, inner_multiple=128) == pytest.approx(13.72, rel=0.005)


@pytest.mark.parametrize(
    ("config", "quantization", "logged"), [(LLAMA_31_8B, "bitsandbytes", 5.3421), (LLAMA_31_70B, "fp8", 67.6979)]
)
def test_quantized_while_loading(config: dict[str, Any], quantization: str, logged: float) -> None:
    assert weights(model(config), quantization) == pytest.approx(logged, rel=0.005)


def test_what_the_checkpoint_says_is_not_quantized_again() -> None:
    assert scheme_held(model(LLAMA_31_8B | {"quantization_config": AWQ}), "fp8").method == "awq"
    assert scheme_held(model(LLAMA_31_8B), "fp8") == FP8
    assert scheme_held(model(LLAMA_31_8B), "bitsandbytes") == NF4
    assert scheme_held(model(LLAMA_31_8B), "auto").method == "none"


@pytest.mark.parametrize(
    ("size", "counted"),
    [
        (0, 0),
        (1, 512),
        (3 * MIB + 1, 3 * MIB + 512),
        (259 * MIB, 260 * MIB),
        # A rest of more than 1 MiB is kept for other tensors.
        (10 * MIB + MIB // 2, 10 * MIB + MIB // 2),
        (270 * MIB, 270 * MIB),
    ],
)
def test_torch_rounds_large_tensors(size: int, counted: int) -> None:
    assert allocated(size) == counted


@pytest.mark.parametrize(
    ("layers", "pipeline", "counts"),
    [(32, 1, [32]), (60, 2, [30, 30]), (61, 2, [31, 30]), (30, 4, [7, 8, 8, 7]), (2, 4, [0, 1, 1, 0])],
)
def test_stages_before_the_last_take_the_rest(layers: int, pipeline: int, counts: list[int]) -> None:
    bounds = partition(layers, pipeline)
    assert [last - first for first, last in bounds] == counts
    assert bounds[0][0] == 0
    assert bounds[-1][1] == layers


def test_first_and_last_stage_hold_embedding_and_head() -> None:
    whole, halves = (
        stages(model(LLAMA_31_8B), Held(scheme_held(model(LLAMA_31_8B), "auto"), 2, Sharding(pipeline=number)))
        for number in (1, 2)
    )
    table = 131072 * 128 * 2
    assert sum(stage.weights for stage in halves) == pytest.approx(whole[0].weights + table, abs=MIB)
    tied = model(LLAMA_31_8B, tie_word_embeddings=True)
    first, last = stages(tied, Held(scheme_held(tied, "auto"), 2, Sharding(pipeline=2)))
    assert first.weights == pytest.approx(last.weights, abs=MIB)


def test_matrices_are_cut() -> None:
    matrix = Matrix("mlp.up_proj", 4096, 14336)
    assert shard(matrix, Sharding(tensor=8)).outputs == 1792
    keys = Matrix("self_attn.k_proj", 4096, 1024, split="kv_heads")
    assert shard(keys, Sharding(tensor=16, attention=16), kv_heads=8).outputs == 128
    assert shard(keys, Sharding(tensor=16, attention=2), kv_heads=8).outputs == 512
    experts = Matrix("mlp.experts.down_proj", 2048, 7168, 256, "experts")
    assert shard(experts, Sharding(tensor=8)).inputs == 256
    assert shard(experts, Sharding(tensor=8, experts=8)).count == 32
    assert shard(Matrix("norm", 1, 4096, split="replicated"), Sharding(tensor=8)).outputs == 4096


def test_two_speeds_of_rotation_have_two_tables() -> None:
    assert rope_table_bytes(model(LLAMA_31_8B), 2) == 131072 * 128 * 2
    assert rope_table_bytes(model(GEMMA_3_27B), 2) == 2 * 131072 * 128 * 2
    assert rope_table_bytes(model(DEEPSEEK_V32), 2) == 163840 * 64 * 2
    assert rope_table_bytes(model(QWEN_3_NEXT), 2) == 262144 * 64 * 2


def test_adapters_and_absorbed_projections() -> None:
    read = model(LLAMA_31_8B)
    held = Held(scheme_held(read, "auto"), 2)
    sides = 4096 * 2 + 2 * (4096 + 1024) + 4096 * 2 + 3 * (4096 + 14336)
    assert lora_bytes(read, held, 2, 16) == 32 * sides * 2 * 16 * 2
    assert absorbed_bytes(read, held) == 0
    latent = model(DEEPSEEK_V32)
    assert absorbed_bytes(latent, Held(scheme_held(latent, "auto"), 2, Sharding(attention=16))) == (
        61 * 8 * 512 * (1536 + 7168) * 2
    )
