"""What vLLM and SGLang take on device CPU besides checkpoint and KV cache: measured, not derived.

bench/cpu_memory.py, two cores of a Xeon with AMX, images/vllm (0.32.0) and images/sglang (0.5.23), in MiB:

| model                       | engine | checkpoint | KV cache | ready | peak under load |
"""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Profile:
    """Of one engine. Bytes, unless it says otherwise."""

    front: int
    """Processes that each replica has once: HTTP server, tokenizers."""
    core: int
    """Processes that each data rank has."""
    worker: int
    """A process that holds a part of the model, without weights."""
    files: int
    """Pages of program files and libraries that starting reads, where nobody read them before."""
    packed_heads: int
    """Copies of the output head, packed for its kernel, beside the embedding."""
    remnants: float
    """Of linear layers: what repacking leaves in the allocator's heap,"""
    remnants_quantized: float
    """and the same of quantized ones."""
    batch_tokens: int
    """Tokens of prompts that are computed together."""
    inner: int
    """Copies of the feed-forward layer's inner states that are alive at the peak,"""
    hidden: int
    """and of the hidden states."""


PROFILES = {
    "vLLM": Profile(
        front=680 * MIB,
        core=590 * MIB,
        worker=700 * MIB,
        files=1750 * MIB,
        packed_heads=1,
        remnants=0.3,
        remnants_quantized=1.5,
        batch_tokens=2048,
        inner=5,
        hidden=8,
    ),
    "SGLang": Profile(
        front=1560 * MIB,
        core=0,
        worker=900 * MIB,
        files=1600 * MIB,
        packed_heads=0,
        remnants=0.0,
        remnants_quantized=0.0,
        batch_tokens=4096,
        inner=6,
        hidden=10,
    ),
}
