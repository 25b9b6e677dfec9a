"""SGLang 0.5."""

import re

from modelberth.engines.failures.failure import Pattern
from modelberth.engines.failures.python import CHECKPOINT, GPU, MODEL

ARGS = "SGLang does not take this. Correct spec.engine.args, or set spec.engine.image to a version that knows it."

TABLE = (
    Pattern(
        "EngineArgsRejected",
        re.compile(r"\.py: error: |: error: (?:unrecognized arguments|argument |the following arguments)"),
        ARGS,
    ),
    Pattern(
        "KVCacheTooSmall",
        re.compile(r"Not enough memory.*(?:increase|--mem-fraction-static)|Not enough memory to allocate KV cache"),
        "Raise spec.gpuMemoryUtilization (on the CPU spec.resources.limits.memory), lower spec.maxNumSeqs, or give "
        "more GPUs (spec.parallelism.tensor).",
    ),
    *GPU,
    *CHECKPOINT,
    *MODEL,
)
