"""What an engine may use of a GPU, or of the memory limit when it runs on the CPU."""

from dataclasses import dataclass

from modelberth.api.spec import Device

GIB = 2**30

SGLANG_GRAPH_SHARE = 0.05
"""Share of a GPU kept for activations and CUDA graphs, which SGLang does not count in its memory fraction."""

ASSUMED_KV_BYTES_PER_TOKEN = 128 * 1024
"""KV cache of one token of Llama 3 8B (2 x 32 layers x 8 KV heads x 128 x 2 bytes), where facts are missing."""


@dataclass(frozen=True)
class Budget:
    """Share of the GPU for weights and KV cache (SGLang's meaning), and the KV cache on the CPU in bytes and tokens."""

    memory_fraction: float
    cpu_kv_bytes: int
    cpu_kv_tokens: int


def provisional_budget(
    device: Device, utilization: float, memory_limit_bytes: int, kv_bytes_per_token: int | None
) -> Budget:
    """The budget before there is a plan: fixed shares, not the model's own needs.

    ``memory_limit_bytes`` is the engine container's limit (0 where none is set; only device CPU uses it);
    ``kv_bytes_per_token`` comes from the model's config.json where it is known.
    """
    kv_bytes = int(memory_limit_bytes * utilization / 2) if device == "CPU" else 0
    return Budget(
        memory_fraction=round(max(utilization - SGLANG_GRAPH_SHARE, 0.01), 4),
        cpu_kv_bytes=kv_bytes,
        cpu_kv_tokens=kv_bytes // (kv_bytes_per_token or ASSUMED_KV_BYTES_PER_TOKEN),
    )
