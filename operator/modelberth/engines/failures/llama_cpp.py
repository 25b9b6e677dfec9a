"""llama.cpp's llama-server, by the outputs of b11669."""

from modelberth.engines.failures.failure import says
from modelberth.engines.failures.python import ARGS, MORE_MEMORY, NEWER_DRIVER, NEWER_IMAGE, NO_MODEL, OWN_FILE

FETCH_AGAIN = (
    "The GGUF file is cut off or is none. Delete the pod to fetch it again (in a cache: delete the entry with "
    "`modelberth cache`); if it stays so, the repository of spec.model.uri is at fault: choose another file."
)
LESS_GPU_MEMORY = (
    "Lower spec.maxModelLen or spec.maxNumSeqs, set spec.kvCacheDtype, choose a file with fewer bits per weight, or "
    "give more GPUs in spec.resources.limits."
)
KV_CACHE = "failed to allocate buffer for kv cache"

TABLE = (
    says("EngineArgsRejected", r"error: invalid argument: ", ARGS),
    says("EngineArgsRejected", r'error while handling argument "[^"]*": .*failed to open file', OWN_FILE),
    says("EngineArgsRejected", r"error while handling argument ", ARGS),
    says(
        "EngineArgsRejected",
        r"the supplied chat template is not supported",
        "Correct --chat-template in spec.engine.args, or leave it out to use the model's own.",
        also=r"common_chat_templates_init: error",
    ),
    says("EngineArgsRejected", r"failed to load (?:lora adapter|multimodal model|draft model)", OWN_FILE),
    says(
        "EngineArgsRejected",
        r"quantized V cache requires flash_attn",
        "Leave --flash-attn out of spec.engine.args, or choose another spec.kvCacheDtype.",
    ),
    # ggml/src/ggml-cuda/ggml-cuda.cu, ggml_backend_cuda_buffer_type_alloc_buffer
    says(
        "OutOfGpuMemory",
        r"allocating (?P<needed>[0-9.]+) (?P<needed_unit>MiB) on device \d+: cudaMalloc failed: out of memory",
        LESS_GPU_MEMORY,
        also=rf"{KV_CACHE}|failed to allocate compute buffers|unable to allocate \S+ buffer",
    ),
    says(
        "OutOfGpuMemory",
        r"failed to allocate (?:CUDA|ROCm|Vulkan|SYCL)\d+ buffer of size (?P<needed_bytes>\d+)"
        r"|CUDA error: out of memory",
        LESS_GPU_MEMORY,
    ),
    says(
        "OutOfMemory",
        r"failed to allocate (?:CPU|CUDA_Host)\S* buffer of size (?P<needed_bytes>\d+)|insufficient memory"
        r"|std::bad_alloc",
        MORE_MEMORY,
        also=KV_CACHE,
    ),
    says("UnsupportedModel", r"unknown (?:model architecture|pre-tokenizer type)", NEWER_IMAGE),
    says("UnsupportedModel", r"this GGUF file is version \d+ but", NEWER_IMAGE),
    says(
        "CheckpointCorrupt",
        r"model is corrupted or incomplete|invalid magic characters"
        r"|failed to read (?:magic|header|key-value pairs|tensor)",
        FETCH_AGAIN,
        also=r"string length \d+ exceeds maximum",
    ),
    says("ModelNotFound", r"failed to open GGUF file '[^']*' \(No such file or directory\)", NO_MODEL),
    # It goes on without the GPU, so this is the cause only of what nothing above explains.
    says(
        "DriverTooOld",
        r"CUDA driver version is insufficient for CUDA runtime version|unsatisfied condition: (?:cuda|driver)"
        r"|system has unsupported display driver",
        NEWER_DRIVER,
    ),
)
