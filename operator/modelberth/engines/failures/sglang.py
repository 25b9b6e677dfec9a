"""SGLang 0.5."""

from modelberth.engines.failures.failure import says
from modelberth.engines.failures.python import ARGUMENTS, CHECKPOINT, GPU, MEMORY, MODEL, NEWER_IMAGE, OWN_FILE

TABLE = (
    *MEMORY,
    *ARGUMENTS,
    says("EngineArgsRejected", r"is not a built-in template name or a valid chat template file path", OWN_FILE),
    says(
        "KVCacheTooSmall",
        # sglang/srt/model_executor/pool_configurator.py
        r"Not enough memory.*--mem-fraction-static|cannot hold even one request",
        "Raise spec.gpuMemoryUtilization (on the CPU spec.resources.limits.memory), lower spec.maxNumSeqs, or give "
        "more GPUs (spec.parallelism.tensor).",
    ),
    *GPU,
    *CHECKPOINT,
    says("UnsupportedModel", r"Cannot find model module\.", NEWER_IMAGE),
    *MODEL,
)
