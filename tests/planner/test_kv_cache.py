"""The KV pool beside what vLLM logged: blocks, tokens and concurrency from the memory that was left."""

import dataclasses
from typing import Any

import pytest

from modelberth.planner.compressed_cache import compressed_pool
from modelberth.planner.kv_cache import (
    CacheType,
    Lengths,
    Pool,
    full_pool,
    grouped_pool,
    state_bytes,
    token_bytes,
)
from modelberth.planner.model import AttentionCache, LatentCache, Layer, StateCache
from tests.planner.shapes import GEMMA_3_27B, GPT_OSS_20B, LLAMA_31_8B, QWEN_3_NEXT, model

GIB = 2**30
PLAIN = CacheType(tensor=1, element_bytes=2, element_size=2)


def pool(config: dict[str, Any], kind: CacheType, lengths: Lengths) -> Pool:
    return grouped_pool(model(config).layers, kind, lengths)


def test_one_kind_of_cache() -> None:
    made = pool(LLAMA_31_8B, PLAIN, Lengths(4096))
    assert made == full_pool(model(LLAMA_31_8B).layers, PLAIN, Lengths(4096))
    assert made.block_bytes == 2**21
    assert made.pages_per_sequence == 256


def test_states_make_blocks_larger() -> None:
    """Qwen3-Next on two H200, vLLM 0.10.2: blocks of 544 tokens, 973,760 tokens, 14.77 requests in 44.59 GiB."""
    made = pool(QWEN_3_NEXT, CacheType(tensor=2, element_bytes=2, element_size=2), Lengths(262144))
    assert made.block_tokens == 544
    assert made.group_count == 4
    blocks = int(44.59 * GIB) // made.block_bytes
    assert blocks // made.group_count * made.block_tokens == pytest.approx(973_760, rel=0.001)
    assert blocks / made.pages_per_sequence == pytest.approx(14.77, rel=0.001)


def test_cached_prefixes_take_a_second_state() -> None:
    """Qwen3.5-35B-A3B on a GB10, vLLM 0.18: 729,696 tokens and 10.85 requests in 55.72 GiB."""
    attention = Layer((), AttentionCache(2, 256, 256))
    state = Layer((), StateCache(8192 * 3, 32 * 128 * 128, ssm_bytes=4))
    made = grouped_pool((attention,) * 10 + (state,) * 30, PLAIN, Lengths(262144, state_pages=2))
    assert made.block_tokens == 1056
    blocks = int(55.72 * GIB) // made.block_bytes
    assert blocks // made.group_count * made.block_tokens == 729_696
    assert blocks / made.pages_per_sequence == pytest.approx(10.85, abs=0.005)


def test_windows_are_groups_of_their_own() -> None:
    """Gemma 3 27B on ROCm, vLLM 0.11: 89,994 blocks are 205,696 tokens, as 52 + 10 layers make 7 groups of 10."""
    made = pool(GEMMA_3_27B, PLAIN, Lengths(4096, in_flight=8192))
    assert made.group_count == 7
    assert 89_994 // made.group_count * made.block_tokens == 205_696
    assert 89_994 / made.pages_per_sequence == pytest.approx(50.05, rel=0.005)


def test_windows_need_less() -> None:
    """gpt-oss-20b: vLLM says that 131,072 tokens need 3.1 GiB."""
    made = pool(GPT_OSS_20B, PLAIN, Lengths(131072, in_flight=2048))
    assert made.group_count == 2
    assert made.pages_per_sequence * made.block_bytes / GIB == pytest.approx(3.1, abs=0.06)


def test_kinds_of_different_size_share_pages() -> None:
    """Gemma 4 31B, vLLM 0.26: 182.37 GiB hold 13.25 requests of 16,384 tokens, as two batches are in flight."""
    local, everywhere = Layer((), AttentionCache(16, 256, 256, 1024)), Layer((), AttentionCache(4, 512, 512))
    made = grouped_pool((local,) * 50 + (everywhere,) * 10, PLAIN, Lengths(16384, in_flight=2 * 8192))
    assert int(182.37 * GIB) // made.block_bytes / made.pages_per_sequence == pytest.approx(13.25, rel=0.005)


def test_little_padding_is_better_than_many_groups() -> None:
    whole, window = Layer((), AttentionCache(8, 64, 64)), Layer((), AttentionCache(8, 64, 64, 128))
    made = grouped_pool((whole,) * 13 + (window,) * 12, PLAIN, Lengths(4096))
    assert made.group_count == 2
    assert made.block_bytes == 13 * 16 * 2048


def test_nothing_is_cached() -> None:
    made = grouped_pool((Layer((), None),) * 3, PLAIN, Lengths(4096))
    assert made.block_bytes == 1
    assert made.pages_per_sequence == 1


@pytest.mark.parametrize(
    ("cache", "kind", "size"),
    [
        (AttentionCache(8, 128, 128), PLAIN, 4096),
        (AttentionCache(8, 128, 128), dataclasses.replace(PLAIN, tensor=16), 512),
        (AttentionCache(8, 128, 128), dataclasses.replace(PLAIN, element_bytes=1.0), 2048),
        (LatentCache(576, 64), dataclasses.replace(PLAIN, tensor=8), 1152),
        (LatentCache(576, 64, 128), PLAIN, 1152 + 132),
        (LatentCache(576, 64, 128), dataclasses.replace(PLAIN, packed_latent=True), 656 + 132),
        # Only sparse attention has that layout.
        (LatentCache(576, 64), dataclasses.replace(PLAIN, packed_latent=True, element_bytes=1.0), 576),
        (StateCache(100, 100), PLAIN, 0),
        (None, PLAIN, 0),
    ],
)
def test_bytes_of_a_token(cache: Any, kind: CacheType, size: int) -> None:
    assert token_bytes(cache, kind) == size


def test_bytes_of_a_state() -> None:
    said = StateCache(1000, 8000, ssm_bytes=4)
    unsaid = StateCache(1000, 8000, ssm_bytes=2, ssm_default=True)
    assert state_bytes(said, PLAIN) == 1000 * 2 + 8000 * 4
    assert state_bytes(unsaid, PLAIN) == 1000 * 2 + 8000 * 2
    assert state_bytes(unsaid, CacheType(2, 2, 2, default_state_bytes=4)) == 500 * 2 + 4000 * 4
    assert state_bytes(AttentionCache(8, 128, 128), PLAIN) == 0


@pytest.mark.parametrize(("tokens", "needed"), [(30_000, 6.66), (13_528, 5.44)])
def test_compressed_vectors_share_pages_with_states(tokens: int, needed: float) -> None:
    """DeepSeek V4 Flash, vLLM 0.22: what one request needs is fixed to a large part, as two batches are in flight."""
    fours, rest = Layer((), LatentCache(512, 64, 128, 4, 4, 128)), Layer((), LatentCache(512, 64, 0, 128, 128, 128))
    made = compressed_pool((fours,) * 20 + (rest,) * 23, Lengths(tokens, in_flight=2 * 8192))
    assert made.pages_per_sequence * made.block_bytes / GIB == pytest.approx(needed, rel=0.05)


def test_vectors_and_keys_for_several_tokens() -> None:
    assert token_bytes(LatentCache(512, 64, 128, 4, 4, 128), PLAIN) == 256 + 33
    assert token_bytes(LatentCache(512, 64, 0, 0, 1, 128), PLAIN) == 0
    assert token_bytes(AttentionCache(2, 256, 256, None, 128, 4), PLAIN) == 2048 + 33
