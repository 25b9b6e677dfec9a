"""What PyTorch, transformers and safetensors say, whichever engine they work for."""

import re

from modelberth.engines.failures.failure import Pattern

AMOUNT = r"(?P<{0}>[0-9]+(?:\.[0-9]+)?) ?(?P<{0}_unit>[KMGT]i?B|bytes)"
"""An amount of memory with its unit, under a name to be formatted in."""

LESS_GPU_MEMORY = (
    "Lower spec.maxModelLen, spec.maxNumSeqs or spec.gpuMemoryUtilization, choose a smaller or a quantized model, or "
    "give more GPUs: spec.parallelism.tensor with spec.resources.limits."
)
FETCH_AGAIN = (
    "A file of the weights is cut off or is not what its name says. Delete the pod to fetch it again (in a cache: "
    "delete the entry with `modelberth cache`); if it stays so, the repository of spec.model.uri is at fault: choose "
    "another revision."
)
NEWER_IMAGE = (
    "This version of the engine does not know the model. Set spec.engine.image to a newer one, or choose another "
    "engine or model."
)
NEWER_DRIVER = (
    "The image needs a newer NVIDIA driver than the node has: update the driver, choose nodes that have it "
    "(spec.podTemplate.spec.nodeSelector), or set spec.engine.image to one that was built for an older CUDA."
)

GPU = (
    # https://github.com/pytorch/pytorch/blob/main/c10/cuda/CUDACachingAllocator.cpp, since 2.1
    Pattern(
        "OutOfGpuMemory",
        re.compile(
            rf"CUDA out of memory\. Tried to allocate {AMOUNT.format('needed')}\. "
            rf"GPU \S+ has a total capacity of {AMOUNT.format('total')} of which {AMOUNT.format('available')} is free"
        ),
        LESS_GPU_MEMORY,
    ),
    # The same before 2.1.
    Pattern(
        "OutOfGpuMemory",
        re.compile(
            rf"CUDA out of memory\. Tried to allocate {AMOUNT.format('needed')} \(GPU \S+ "
            rf"{AMOUNT.format('total')} total capacity;.*?{AMOUNT.format('available')} free"
        ),
        LESS_GPU_MEMORY,
    ),
    Pattern(
        "OutOfGpuMemory",
        re.compile(rf"(?:CUDA|HIP) out of memory(?:\. Tried to allocate {AMOUNT.format('needed')})?|OutOfMemoryError"),
        LESS_GPU_MEMORY,
    ),
    Pattern("OutOfGpuMemory", re.compile(r"CUDA error: out of memory|cudaErrorMemoryAllocation"), LESS_GPU_MEMORY),
    Pattern(
        "DriverTooOld",
        re.compile(
            r"NVIDIA driver on your system is too old|CUDA driver version is insufficient for CUDA runtime version"
            r"|forward compatibility was attempted on non supported HW|cudaErrorInsufficientDriver"
        ),
        NEWER_DRIVER,
    ),
)

CHECKPOINT = (
    Pattern("CheckpointCorrupt", re.compile(r"SafetensorError: "), FETCH_AGAIN),
    Pattern(
        "CheckpointCorrupt",
        re.compile(r"Weight files referenced in index but missing|Cannot find any model weights"),
        "The repository lacks files of the weights. " + FETCH_AGAIN,
    ),
)

MODEL = (
    Pattern(
        "UnsupportedModel",
        re.compile(
            r"Model architectures .* (?:are not supported|failed to be inspected)|does not recognize this architecture"
        ),
        NEWER_IMAGE,
    ),
)
