"""vLLM 0.7 to 0.32."""

from modelberth.engines.failures.failure import says
from modelberth.engines.failures.python import (
    AMOUNT,
    ARGS,
    ARGUMENTS,
    CHECKPOINT,
    GPU,
    MEMORY,
    MODEL,
    NEWER_IMAGE,
    OWN_FILE,
)

SHORTER = (
    "Lower spec.maxModelLen, or make room for the KV cache: raise spec.gpuMemoryUtilization (on the CPU "
    "spec.resources.limits.memory), set spec.kvCacheDtype to fp8, or give more GPUs (spec.parallelism.tensor)."
)
_VALUE = r"^\s*Value error, "

_ARGUMENTS = (
    says(
        "EngineArgsRejected",
        r"max_num_batched_tokens \((?P<max_model_len>\d+)\) is smaller than max_model_len",
        "Raise --max-num-batched-tokens in spec.engine.args, or lower spec.maxModelLen.",
    ),
    says("EngineArgsRejected", r"chat template string .* doesn't exist|Loading lora adapter failed", OWN_FILE),
    says("EngineArgsRejected", r"invalid (?:tool call|reasoning) parser|Load format \S+ is not supported", ARGS),
    says("EngineArgsRejected", r"validation errors? for SpeculativeConfig", ARGS, also=_VALUE),
)

_MEMORY = (
    # vllm/v1/worker/utils.py, request_memory
    says(
        "OutOfGpuMemory",
        r"Free memory on device.*? \((?P<available>[0-9.]+)/(?P<total>[0-9.]+) GiB\) on startup is less than "
        r"desired GPU memory utilization \([0-9.]+, (?P<needed>[0-9.]+) GiB\)",
        "Something else holds memory of this GPU: find it, lower spec.gpuMemoryUtilization, or choose other nodes "
        "(spec.podTemplate.spec.nodeSelector).",
    ),
    # vllm/v1/core/kv_cache_utils.py, _check_enough_kv_cache_memory
    says(
        "KVCacheTooSmall",
        rf"To serve at least one request with .*?\({AMOUNT.format('needed')} KV cache is needed, which is larger "
        rf"than the available KV cache memory \({AMOUNT.format('available')}\)"
        r"(?:.*?estimated maximum model length is (?P<max_model_len>\d+))?",
        SHORTER,
    ),
    # The same before 0.8.
    says(
        "KVCacheTooSmall",
        r"max seq len \(\d+\) is larger than the maximum number of tokens that can be stored in KV cache "
        r"\((?P<max_model_len>\d+)\)",
        SHORTER,
    ),
    says("KVCacheTooSmall", r"No available memory for the cache blocks", SHORTER),
)

_MODEL = (
    says(
        "UnsupportedModel",
        r"Model architectures .* (?:are not supported|failed to be inspected)|There is no module or parameter named",
        NEWER_IMAGE,
    ),
)

TABLE = (
    *MEMORY,
    *ARGUMENTS,
    *_ARGUMENTS,
    *_MEMORY,
    *GPU,
    *_MODEL,
    *CHECKPOINT,
    *MODEL,
    # What pydantic refuses came from a flag; the lines below it say which.
    says("EngineArgsRejected", r"validation errors? for \w*(?:Config|Args)\b", ARGS, also=rf"{_VALUE}|^[\w.\[\],]+$"),
)
