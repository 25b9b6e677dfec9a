"""What engines are started with where nothing could be judged: fixed shares, not the model's own needs."""

from modelberth.api.quantity import amount
from modelberth.api.spec import Spec
from modelberth.planner.plan import Launch

SGLANG_GRAPH_SHARE = 0.05
"""Share of a GPU kept for activations and CUDA graphs, which SGLang does not count in its memory fraction."""

ASSUMED_KV_BYTES_PER_TOKEN = 128 * 1024
"""KV cache of one token of Llama 3 8B: 2 x 32 layers x 8 KV heads x 128 x 2 bytes."""


def unjudged_launch(spec: Spec) -> Launch:
    """Half of what the memory limit allows for the KV cache on device CPU; on GPUs the utilization, less a reserve."""
    fraction = round(max(spec.gpu_memory_utilization - SGLANG_GRAPH_SHARE, 0.01), 4)
    if spec.device == "GPU":
        return Launch(fraction)
    limit = int(amount(spec.resources.limits.get("memory", 0)))
    kv_bytes = int(limit * spec.gpu_memory_utilization / 2)
    return Launch(fraction, kv_bytes, kv_bytes // ASSUMED_KV_BYTES_PER_TOKEN)
