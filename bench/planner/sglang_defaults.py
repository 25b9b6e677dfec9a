"""--mem-fraction-static where a row does not name it: SGLang's own default, which Modelberth never leaves to it.

https://github.com/sgl-project/sglang/blob/v0.4.6/python/sglang/srt/server_args.py
https://github.com/sgl-project/sglang/blob/v0.5.4/python/sglang/srt/server_args.py (_handle_gpu_memory_settings)
"""

from modelberth.api.engine_facts import Version

_BY_GPUS = ((16, 0.79), (8, 0.81), (4, 0.85), (2, 0.87), (1, 0.88))
_CHUNKS = ((20, 2048, 8, 8), (35, 2048, 16, 80), (60, 4096, 32, 160), (160, 8192, 256, 512))
"""Up to so many GiB: tokens of a prefill chunk, largest CUDA graph under and from tensor 4 on."""
_LARGEST = (16384, 512, 512)


def default_fraction(version: Version, memory_gib: float, gpus: int, attention_ranks: int = 1) -> float:
    """The share of the GPU for weights and KV pool. ``attention_ranks``: of data-parallel attention."""
    if version < (0, 5):
        return _by_gpus(memory_gib, gpus)
    chunk, few, many = next((rest for limit, *rest in _CHUNKS if memory_gib < limit), list(_LARGEST))
    graphs = few if gpus < 4 else many
    reserved = 512 + 1.5 * chunk + 2 * graphs + gpus / 8 * 1024
    if attention_ranks > 1:
        reserved += graphs * attention_ranks * (4.5 if graphs > 300 else 3)
    if memory_gib > 60:
        reserved = max(reserved, 10 * 1024)
    return round(1 - reserved / (memory_gib * 1024), 3)


def _by_gpus(memory_gib: float, gpus: int) -> float:
    share = next(share for least, share in _BY_GPUS if gpus >= least) if memory_gib <= 80 else 0.88
    if memory_gib > 96:
        share = min(share + 48 * (1 - share) / memory_gib, 1 - 18 / memory_gib)
    return share
