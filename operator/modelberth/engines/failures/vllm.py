"""vLLM 0.7 to 0.32."""

import re

from modelberth.engines.failures.failure import Pattern
from modelberth.engines.failures.python import AMOUNT, CHECKPOINT, GPU, MODEL

SHORTER = (
    "Lower spec.maxModelLen, or make room for the KV cache: raise spec.gpuMemoryUtilization (on the CPU "
    "spec.resources.limits.memory), set spec.kvCacheDtype to fp8, or give more GPUs (spec.parallelism.tensor)."
)
ARGS = "vLLM does not take this. Correct spec.engine.args, or set spec.engine.image to a version that knows it."

TABLE = (
    Pattern(
        "EngineArgsRejected",
        re.compile(r"^vllm(?: serve)?: error: |: error: (?:unrecognized arguments|argument |the following arguments)"),
        ARGS,
    ),
    Pattern(
        "EngineArgsRejected",
        re.compile(r"User-specified max_model_len \(\d+\) is greater than the derived .*?=(?P<max_model_len>\d+)"),
        "The model was not made for requests this long: lower spec.maxModelLen.",
    ),
    # vllm/v1/worker/utils.py, request_memory
    Pattern(
        "OutOfGpuMemory",
        re.compile(
            r"Free memory on device.*? \((?P<available>[0-9.]+)/(?P<total>[0-9.]+) GiB\) on startup is less than "
            r"desired GPU memory utilization \([0-9.]+, (?P<needed>[0-9.]+) GiB\)"
        ),
        "Something else holds memory of this GPU: find it, lower spec.gpuMemoryUtilization, or choose other nodes "
        "(spec.podTemplate.spec.nodeSelector).",
    ),
    # vllm/v1/core/kv_cache_utils.py, _check_enough_kv_cache_memory
    Pattern(
        "KVCacheTooSmall",
        re.compile(
            rf"To serve at least one request with .*?\({AMOUNT.format('needed')} KV cache is needed, which is larger "
            rf"than the available KV cache memory \({AMOUNT.format('available')}\)"
            r"(?:.*?estimated maximum model length is (?P<max_model_len>\d+))?"
        ),
        SHORTER,
    ),
    Pattern(
        "KVCacheTooSmall",
        re.compile(
            r"max seq len \(\d+\) is larger than the maximum number of tokens that can be stored in KV cache "
            r"\((?P<max_model_len>\d+)\)"
        ),
        SHORTER,
    ),
    Pattern("KVCacheTooSmall", re.compile(r"No available memory for the cache blocks"), SHORTER),
    *GPU,
    *CHECKPOINT,
    *MODEL,
)
