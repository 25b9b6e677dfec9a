"""What vLLM and SGLang take on device CPU besides checkpoint and KV cache: measured, not derived.

bench/cpu_memory.py on two cores of a Xeon with AMX: images/vllm (0.32.0), images/sglang (0.5.23), 2048 tokens of
context, 4 sequences at once. MiB that the kernel cannot drop:

| engine | model                          | checkpoint | KV cache | ready | peak | plan |
|--------|--------------------------------|------------|----------|-------|------|------|
| vLLM   | SmolLM2 135M bf16              |        257 |      256 |  2531 | 2583 | 2649 |
| vLLM   | SmolLM2 135M AWQ               |        110 |      256 |  2350 | 2398 | 2524 |
| vLLM   | SmolLM2 135M GPTQ              |        110 |      256 |  2346 | 2393 | 2524 |
| vLLM   | 0.5B, vocabulary of 151,936    |        942 |      512 |  3832 | 3974 | 4027 |
| vLLM   | 0.6B, head not tied            |       1239 |      512 |  3980 | 4185 | 4350 |
| vLLM   | 1.2B bf16                      |       2357 |      512 |  5822 | 6065 | 6129 |
| vLLM   | 1.2B AWQ                       |       1001 |      512 |  4695 | 4866 | 4970 |
| SGLang | SmolLM2 135M bf16              |        257 |      220 |  2868 | 3033 | 3137 |
| SGLang | 0.6B, head not tied            |       1239 |      703 |  4386 | 4876 | 4902 |
| SGLang | 1.2B bf16                      |       2357 |      313 |  5073 | 5627 | 5762 |

Idle processes: vLLM's API server 654 to 669, engine core 567 to 583, a worker 640 and what repacking leaves behind;
SGLang's tokenizer manager 776, detokenizer 734, a scheduler 845. Starting with a cold page cache, either reads 1.6 to
1.7 GiB of libraries.
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
        front=1600 * MIB,
        core=0,
        worker=940 * MIB,
        files=1600 * MIB,
        packed_heads=0,
        remnants=0.0,
        remnants_quantized=0.0,
        batch_tokens=4096,
        inner=6,
        hidden=10,
    ),
}
