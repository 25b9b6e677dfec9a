"""llama.cpp's llama-server, by the outputs of b11669."""

import re

from modelberth.engines.failures.failure import Pattern
from modelberth.engines.failures.python import NEWER_DRIVER, NEWER_IMAGE

ARGS = "llama-server does not take this. Correct spec.engine.args, or set spec.engine.image to a version that knows it."
OWN_FILE = (
    "A file that spec.engine.args names is not in the container or is not what the flag expects: mount it "
    "(spec.podTemplate.spec.volumes and the container's volumeMounts), or correct the path."
)
FETCH_AGAIN = (
    "The GGUF file is cut off or is none. Delete the pod to fetch it again (in a cache: delete the entry with "
    "`modelberth cache`); if it stays so, the repository of spec.model.uri is at fault: choose another file."
)
LESS_GPU_MEMORY = (
    "Lower spec.maxModelLen or spec.maxNumSeqs, set spec.kvCacheDtype, choose a file with fewer bits per weight, or "
    "give more GPUs in spec.resources.limits."
)

TABLE = (
    Pattern("EngineArgsRejected", re.compile(r"error: invalid argument: "), ARGS),
    Pattern(
        "EngineArgsRejected",
        re.compile(r"error while handling argument \"[^\"]*\": .*failed to open file"),
        OWN_FILE,
    ),
    Pattern("EngineArgsRejected", re.compile(r"error while handling argument "), ARGS),
    Pattern(
        "EngineArgsRejected",
        re.compile(r"the supplied chat template is not supported"),
        "Correct --chat-template in spec.engine.args, or leave it out to use the model's own.",
        also=re.compile(r"common_chat_templates_init: error"),
    ),
    Pattern(
        "EngineArgsRejected",
        re.compile(r"failed to load (?:lora adapter|multimodal model|draft model)"),
        OWN_FILE,
    ),
    Pattern(
        "EngineArgsRejected",
        re.compile(r"quantized V cache requires flash_attn"),
        "Leave --flash-attn out of spec.engine.args, or choose another spec.kvCacheDtype.",
    ),
    # ggml/src/ggml-cuda/ggml-cuda.cu, ggml_backend_cuda_buffer_type_alloc_buffer
    Pattern(
        "OutOfGpuMemory",
        re.compile(
            r"allocating (?P<needed>[0-9.]+) (?P<needed_unit>MiB) on device \d+: cudaMalloc failed: out of memory"
        ),
        LESS_GPU_MEMORY,
    ),
    Pattern(
        "OutOfGpuMemory",
        re.compile(r"failed to allocate (?:CUDA|ROCm|Vulkan|SYCL)\d+ buffer of size (?P<needed_bytes>\d+)"),
        LESS_GPU_MEMORY,
    ),
    Pattern("OutOfGpuMemory", re.compile(r"CUDA error: out of memory"), LESS_GPU_MEMORY),
    Pattern(
        "OutOfMemory",
        re.compile(
            r"failed to allocate (?:CPU|CUDA_Host|host)\S* buffer of size (?P<needed_bytes>\d+)|insufficient memory"
        ),
        "Raise spec.resources.limits.memory, or lower spec.maxModelLen.",
    ),
    Pattern("UnsupportedModel", re.compile(r"unknown (?:model architecture|pre-tokenizer type)"), NEWER_IMAGE),
    Pattern("UnsupportedModel", re.compile(r"this GGUF file is version \d+ but"), NEWER_IMAGE),
    Pattern(
        "CheckpointCorrupt",
        re.compile(
            r"model is corrupted or incomplete|invalid magic characters"
            r"|failed to read (?:magic|header|key-value pairs|tensor)"
        ),
        FETCH_AGAIN,
        also=re.compile(r"string length \d+ exceeds maximum"),
    ),
    Pattern(
        "CheckpointCorrupt",
        re.compile(r"failed to open GGUF file '[^']*' \(No such file or directory\)"),
        "The file is not there: correct the file that spec.model.uri names.",
    ),
    Pattern(
        "DriverTooOld",
        re.compile(r"CUDA driver version is insufficient for CUDA runtime version"),
        NEWER_DRIVER,
    ),
)
