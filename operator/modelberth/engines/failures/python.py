"""What PyTorch, transformers and safetensors say, whichever engine they work for."""

from modelberth.engines.failures.failure import says

AMOUNT = r"(?P<{0}>[0-9]+(?:\.[0-9]+)?) ?(?P<{0}_unit>[KMGT]i?B|bytes)"
"""An amount of memory with its unit, under a name to be formatted in."""

ARGS = "The engine does not take this. Correct spec.engine.args, or set spec.engine.image to a version that knows it."
LESS_GPU_MEMORY = (
    "Lower spec.maxModelLen, spec.maxNumSeqs or spec.gpuMemoryUtilization, choose a smaller or a quantized model, or "
    "give more GPUs: spec.parallelism.tensor with spec.resources.limits."
)
MORE_MEMORY = "Raise spec.resources.limits.memory, or lower spec.maxModelLen or spec.maxNumSeqs."
FETCH_AGAIN = (
    "Delete the pod to fetch it again (in a cache: delete the entry with `modelberth cache`); if it stays so, the "
    "repository of spec.model.uri is at fault: choose another revision."
)
NEWER_IMAGE = (
    "This version of the engine does not know the model. Set spec.engine.image to a newer one, or choose another "
    "engine or model."
)
NEWER_DRIVER = (
    "The image needs a newer NVIDIA driver than the node has: update the driver, choose nodes that have it "
    "(spec.podTemplate.spec.nodeSelector), or set spec.engine.image to one that was built for an older CUDA."
)
OWN_FILE = (
    "A file that spec.engine.args names is not in the container or is not what the flag expects: mount it with "
    "spec.podTemplate, or correct the path."
)
NO_MODEL = "There is no model at this path: correct the path in spec.model.uri."
BROKEN_TOKENIZER = f"The tokenizer's files are missing or broken. {FETCH_AGAIN}"
REMOTE_CODE = (
    "The model comes with Python code of its own. Set spec.model.trustRemoteCode if you trust the repository, or set "
    "spec.engine.image to a version that has this model built in."
)

ARGUMENTS = (
    says(
        "EngineArgsRejected",
        r"^(?:vllm|sglang|\w+\.py)(?: \w+)?: error: |: error: (?:unrecognized arguments|argument |the following)",
        ARGS,
    ),
    says(
        "EngineArgsRejected",
        # vLLM may name two limits and takes the first that config.json has.
        r"User-specified (?:max_model_len|context_length) \(\d+\) is greater than the derived "
        r"(?:max_model_len \(.*?=|context_length \()(?P<max_model_len>\d+)",
        "The model was not made for requests this long: lower spec.maxModelLen.",
    ),
    says(
        "EngineArgsRejected",
        r"Quantization method specified in the model config|Unknown quantization method"
        r"|Cannot find the config file for",
        "Set spec.quantization to what the checkpoint is, or leave it out: config.json says it.",
    ),
    says(
        "EngineArgsRejected",
        r"is not supported for quantization method \S+ Supported dtypes|does not support (?:b?float16|half)\. Reason",
        "Set spec.dtype to one that is named here, or leave it out.",
    ),
    says(
        "EngineArgsRejected",
        r"must be divisible by tensor parallel size",
        "Choose a spec.parallelism.tensor that divides the model's attention heads.",
    ),
)

# The kernel's own verdict, written by hooks/run.py, stands above what the engine made of it.
MEMORY = (
    says("OutOfMemory", r"kernel killed a process of this container at its memory limit", MORE_MEMORY),
    says(
        "OutOfMemory",
        r"DefaultCPUAllocator: can't allocate memory: you tried to allocate (?P<needed_bytes>\d+) bytes",
        MORE_MEMORY,
    ),
    says("OutOfMemory", r"^MemoryError\b|std::bad_alloc|Cannot allocate memory", MORE_MEMORY),
)

GPU = (
    # https://github.com/pytorch/pytorch/blob/main/c10/cuda/CUDACachingAllocator.cpp, since 2.1
    says(
        "OutOfGpuMemory",
        rf"out of memory\. Tried to allocate {AMOUNT.format('needed')}\. GPU \S+ has a total capac\w+ of "
        rf"{AMOUNT.format('total')} of which {AMOUNT.format('available')} is free",
        LESS_GPU_MEMORY,
    ),
    # The same before 2.1.
    says(
        "OutOfGpuMemory",
        rf"out of memory\. Tried to allocate {AMOUNT.format('needed')} \(GPU \S+ {AMOUNT.format('total')} total "
        rf"capacity;.*?{AMOUNT.format('available')} free",
        LESS_GPU_MEMORY,
    ),
    says(
        "OutOfGpuMemory",
        rf"(?:CUDA|HIP) out of memory(?:\. Tried to allocate {AMOUNT.format('needed')})?|torch\S*OutOfMemoryError"
        r"|CUDA error: out of memory|cudaErrorMemoryAllocation",
        LESS_GPU_MEMORY,
    ),
    # Only where it is raised: PyTorch warns of it at every start on a CPU too, where libcuda is installed.
    says(
        "DriverTooOld",
        r"Error: The NVIDIA driver on your system is too old|^The NVIDIA driver on your system is too old"
        r"|CUDA driver version is insufficient for CUDA runtime version|system has unsupported display driver"
        r"|Error 804: forward compatibility was attempted on non supported HW|compiled with an unsupported toolchain"
        r"|unsatisfied condition: (?:cuda|driver|brand)",
        NEWER_DRIVER,
    ),
    says(
        "UnsupportedModel",
        r"Bfloat16 is only supported on GPUs with compute capability",
        "Set spec.dtype to float16, or choose newer GPUs (spec.podTemplate.spec.nodeSelector).",
    ),
    says(
        "UnsupportedModel",
        r"[Qq]uantization (?:method \S+|scheme) is not supported for the current GPU",
        "Choose newer GPUs (spec.podTemplate.spec.nodeSelector), or a checkpoint with another quantization.",
    ),
)

CHECKPOINT = (
    says(
        "CheckpointCorrupt",
        r"SafetensorError: |PytorchStreamReader failed|Error while deserializing header",
        f"A file of the weights is cut off or is not what its name says. {FETCH_AGAIN}",
    ),
    says(
        "CheckpointCorrupt",
        r"Weight files referenced in index but missing|references \d+ shard file\(s\) missing"
        r"|Cannot find any model weights",
        f"The repository lacks files of the weights. {FETCH_AGAIN}",
    ),
    says(
        "CheckpointCorrupt",
        r"weights were not initialized from checkpoint|The size of tensor a \(\d+\) must match the size of tensor b",
        "config.json and the weights do not belong together: choose another revision in spec.model.uri.",
    ),
    says("ModelNotFound", r"HFValidationError: Repo id must be in the form .*'/", NO_MODEL),
    says(
        "CheckpointCorrupt",
        r"is not a valid JSON file",
        f"The model's config.json is cut off or is none. {FETCH_AGAIN}",
    ),
    says(
        "CheckpointCorrupt",
        r"Invalid repository ID or local directory specified|Unrecognized model in \S+ Should have a `model_type` key",
        "The folder has no config.json, or one without a model_type: correct the path in spec.model.uri, or choose a "
        "repository in the format of transformers.",
    ),
    says("CheckpointCorrupt", r"Couldn't instantiate the backend tokenizer", BROKEN_TOKENIZER),
    says(
        "CheckpointCorrupt",
        r"JSONDecodeError: ",
        f"A JSON file of the model, such as tokenizer.json, is cut off or is none. {FETCH_AGAIN}",
        also=r"^  at ",
    ),
)

MODEL = (
    says("UnsupportedModel", r"contains custom code which must be executed|trust_remote_code=True", REMOTE_CODE),
    says("UnsupportedModel", r"does not recognize this architecture", NEWER_IMAGE),
)
