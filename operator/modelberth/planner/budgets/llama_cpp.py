"""llama.cpp: tensors, the whole KV cache and compute buffers are allocated at start, and all of it must fit.

The KV cache does not grow into what is left: it is as large as slots and context ask for. On device CPU the pages of
the mapped file are counted although the kernel could drop them: each token that is generated reads all of them.
"""

from collections import Counter

from modelberth.api.finding import Finding
from modelberth.planner.budgets.budget import Budget, Situation, does_not_fit, gib
from modelberth.planner.budgets.llama_cpp_buffers import (
    Context,
    cache_bytes,
    compute_bytes,
    context_of,
    gpu_caches,
)
from modelberth.planner.model import Model
from modelberth.planner.plan import Launch

MIB = 2**20
CUDA_CONTEXT = 512 * MIB
"""Taken of a GPU besides the buffers: the driver's context, cuBLAS, temporary pools. 451 to 472 MiB on RTX 4090s
(https://github.com/ggml-org/llama.cpp/pull/15860, /issues/23679), 264 MiB on an RTX 3090."""
PROCESS = 128 * MIB
"""Program, libraries, vocabulary and HTTP threads on device CPU. Measured on b11669 with bench/cpu_memory.py: 60 MiB
for SmolLM2 (a vocabulary of 49,152 words) under load."""
ASSUMED_16_BIT = "the header of the GGUF file is not known: weights are taken as 16 bit"


def budget(situation: Situation) -> Budget:
    """Budget of the GPU that is filled most, or of the memory limit."""
    context = context_of(situation)
    return _of_gpu(situation, context, _fullest(situation, context))


def _fullest(situation: Situation, context: Context) -> int:
    """The GPU that is filled most. Found in one pass over the layers: a spec may ask for 262,144 GPUs."""
    gpus, layers = _gpus(situation), situation.model.layers
    held = Counter({gpus - 1: 0})
    for index, layer in enumerate(layers):
        held[index * gpus // (len(layers) + 1)] += cache_bytes(layer.cache, situation, context)
    gguf = situation.files.gguf
    if gguf is not None and situation.spec.parallelism.pipeline > 1:
        for index, size in enumerate(gguf.layer_bytes):
            held[index * gpus // (len(gguf.layer_bytes) + 1)] += size
        held[gpus - 1] += (gguf.output_bytes or _token_embedding(situation)) + gguf.other_bytes
    return max(held, key=lambda gpu: held[gpu])


def _of_gpu(situation: Situation, context: Context, gpu: int) -> Budget:
    spec = situation.spec
    share = int(situation.memory * spec.gpu_memory_utilization)
    weights = _cpu_weights(situation) if spec.device == "CPU" else _gpu_weights(situation, gpu)
    compute = compute_bytes(situation, context)
    overhead = _host_overhead(situation) if spec.device == "CPU" else CUDA_CONTEXT
    kv_cache = gpu_caches(situation, context, gpu, _gpus(situation))
    tokens = context.cells * context.streams
    return Budget(
        budget=share,
        weights=weights,
        activation=compute,
        overhead=overhead,
        kv_cache=kv_cache,
        kv_tokens=tokens,
        max_concurrency=min(context.slots, tokens / max(situation.max_model_len, 1)),
        launch=Launch(spec.gpu_memory_utilization, *((kv_cache, tokens) if spec.device == "CPU" else ())),
        problems=_problems(situation, context, share - weights - compute - overhead, kv_cache),
        assumed=() if situation.files.gguf else (ASSUMED_16_BIT,),
    )


def _gpus(situation: Situation) -> int:
    if situation.spec.device == "CPU":
        return 1
    return situation.spec.parallelism.tensor * situation.spec.parallelism.pipeline


def _gpu_weights(situation: Situation, gpu: int) -> int:
    """Blocks and the output head; what looks up tokens stays in host memory.

    https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp (load_tensors)
    """
    gguf, gpus = situation.files.gguf, _gpus(situation)
    if gguf is None:
        return _unknown_weights(situation.model) // gpus
    head = gguf.output_bytes or _token_embedding(situation)
    if situation.spec.parallelism.pipeline == 1:
        return (sum(gguf.layer_bytes) + head + gguf.other_bytes) // gpus
    blocks = len(gguf.layer_bytes)
    weights = sum(size for index, size in enumerate(gguf.layer_bytes) if index * gpus // (blocks + 1) == gpu)
    return weights + (head + gguf.other_bytes if gpu == gpus - 1 else 0)


def _cpu_weights(situation: Situation) -> int:
    """Every tensor. A tied head is there twice, as kernels repack the matrices that they multiply with."""
    gguf = situation.files.gguf
    if gguf is None:
        return _unknown_weights(situation.model)
    tensors = sum(gguf.layer_bytes) + gguf.embedding_bytes + gguf.output_bytes + gguf.other_bytes
    return tensors + (0 if gguf.output_bytes else _token_embedding(situation))


def _token_embedding(situation: Situation) -> int:
    """Of the tensors that look up tokens, the one that is the output head too: not those of single layers."""
    gguf, model = situation.files.gguf, situation.model
    if gguf is None:
        return 0
    per_layer = gguf.metadata.get(f"{model.architecture}.embedding_length_per_layer_input", 0)
    if not isinstance(per_layer, int) or per_layer <= 0 or not model.hidden_size:
        return gguf.embedding_bytes
    return gguf.embedding_bytes * model.hidden_size // (model.hidden_size + per_layer * len(model.layers))


def _unknown_weights(model: Model) -> int:
    return 2 * model.parameters


def _host_overhead(situation: Situation) -> int:
    """The process, and the prompts that it keeps for later where --cache-ram (MiB) lets it."""
    return PROCESS + int(situation.arguments.number("--cache-ram", "-cram") or 0) * MIB


def _problems(situation: Situation, context: Context, left: int, kv_cache: int) -> tuple[Finding, ...]:
    spec = situation.spec
    whole = "the memory limit" if spec.device == "CPU" else "the GPU"
    slots = f"{context.slots} slots of {context.cells} tokens" if context.streams > 1 else f"{context.cells} tokens"
    if left <= 0:
        text = (
            f"weights and compute buffers alone exceed {spec.gpu_memory_utilization:g} of {whole} by {gib(-left)}, "
            f"with the KV cache of {slots} by {gib(kv_cache - left)}"
        )
        return (does_not_fit("spec.gpuMemoryUtilization", text),)
    if kv_cache > left:
        text = f"the KV cache of {slots} needs {gib(kv_cache)}, {gib(left)} of {whole} is left"
        return (does_not_fit("spec.maxModelLen", text),)
    return ()
