"""vLLM's pool for DeepSeek V4: compressed vectors, windows and partial states share pages of one size.

A page holds a tuple of layers (the indexer and the vectors of a layer that compresses by 4, the vectors of one that
compresses by 128) for 256 tokens. Windows and partial states take whole pages for few tokens, so that a request costs
much from its first batch on: 6.66 GiB for 30,000 tokens where two batches of 8,192 are in flight.
https://github.com/vllm-project/vllm/blob/v0.26.0/vllm/v1/core/kv_cache_utils.py (_get_kv_cache_groups_uniform_groups)
"""

from modelberth.planner.kv_cache import INDEX_SCALE_BYTES, Group, Lengths, Pool, blocks
from modelberth.planner.model import LatentCache, Layer

BLOCK_TOKENS = 256
WINDOW_BLOCK = 64
VECTOR_BYTES = 584
"""448 values in fp8, 64 rotary ones in 16 bit, 8 scales."""
ALIGNMENT = 576
STATE_BLOCKS = {4: 4, 128: 8}
"""Tokens in a page of partial states, by the tokens that are compressed into one."""


def is_compressed(layers: tuple[Layer, ...]) -> bool:
    """Whether layers keep compressed vectors beside a window."""
    return any(isinstance(layer.cache, LatentCache) and layer.cache.window > 0 for layer in layers)


def compressed_pool(layers: tuple[Layer, ...], lengths: Lengths) -> Pool:
    """The pool of such layers; latent caches are not cut, so it is the same on every GPU."""
    caches = [layer.cache for layer in layers if isinstance(layer.cache, LatentCache)]
    counts = {ratio: sum(cache.tokens == ratio for cache in caches) for ratio in STATE_BLOCKS}
    tuples = max(*counts.values(), 1)
    index = max((cache.index_dim for cache in caches), default=0)
    page = sum(_page(ratio) for ratio, count in counts.items() if count)
    page += (index + INDEX_SCALE_BYTES) * BLOCK_TOKENS // min(STATE_BLOCKS) if index else 0
    window = max((cache.window for cache in caches), default=1)
    groups = [
        Group(blocks(lengths.longest, BLOCK_TOKENS)),
        Group(_recent(window, WINDOW_BLOCK, lengths), blocks(len(caches), tuples)),
        *(Group(_recent(ratio, STATE_BLOCKS[ratio], lengths)) for ratio, count in counts.items() if count),
    ]
    return Pool(max(page * tuples, 1), BLOCK_TOKENS, tuple(groups))


def _page(ratio: int) -> int:
    return blocks(BLOCK_TOKENS // ratio * VECTOR_BYTES, ALIGNMENT) * ALIGNMENT


def _recent(window: int, block: int, lengths: Lengths) -> int:
    """Pages for the last tokens and those in flight."""
    return blocks(min(window - 1 + lengths.in_flight, lengths.longest), block) + 1
