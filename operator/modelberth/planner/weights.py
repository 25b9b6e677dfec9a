"""Weights as an engine holds them: cut over GPUs, quantized with their scales, in the blocks that torch hands out."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelberth.planner.model import Layer, Matrix, Model, Scheme

VOCABULARY_MULTIPLE = 64
"""vLLM and SGLang pad the vocabulary to it before they cut it.
https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/model_executor/layers/vocab_parallel_embedding.py"""

_MIB = 2**20
_WHOLE_SEGMENT = 10 * _MIB
_FUSED = {
    "q_proj": "qkv_proj",
    "k_proj": "qkv_proj",
    "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
    "w1": "w13",
    "w3": "w13",
}
"""Projections that engines load into one tensor."""

_ATTENTION = ("self_attn", "attn", "attention")


@dataclass(frozen=True)
class Sharding:
    """How one replica is spread over GPUs."""

    tensor: int = 1
    """GPUs that share a dense matrix."""
    attention: int = 1
    """GPUs that share an attention layer: fewer than ``tensor`` under SGLang's data-parallel attention."""
    experts: int = 1
    """GPUs over which whole experts are spread; 1: every expert is cut over ``tensor`` GPUs."""
    pipeline: int = 1


@dataclass(frozen=True)
class Stage:
    """One pipeline stage on one of its GPUs."""

    weights: int
    """Bytes."""
    layers: tuple[Layer, ...]


def stages(model: Model, scheme: Scheme, sharding: Sharding, element_bytes: int) -> tuple[Stage, ...]:
    """What each pipeline stage holds. ``element_bytes``: of a weight that is not quantized."""
    sizes = _LayerSizes(scheme, sharding, element_bytes)
    bounds = partition(len(model.layers), sharding.pipeline)
    found = []
    for number, (first, last) in enumerate(bounds):
        weights = sum(sizes.of(layer) for layer in model.layers[first:last])
        if number == 0:
            weights += _plain(model, model.embedding, sharding, element_bytes)
            weights += sizes.of(Layer(model.extra, None))
        if number == len(bounds) - 1:
            weights += _plain(model, model.head, sharding, element_bytes)
            if model.tied and number > 0:
                # The head is the embedding, so the last stage has a copy of it.
                weights += _plain(model, model.embedding, sharding, element_bytes)
        found.append(Stage(weights + rope_table_bytes(model, element_bytes), model.layers[first:last]))
    return tuple(found)


def partition(layers: int, pipeline: int) -> tuple[tuple[int, int], ...]:
    """First and last (exclusive) layer of each stage; what is left over goes to the stages before the last one.

    https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/distributed/utils.py (get_pp_indices)
    """
    counts = [layers // pipeline] * pipeline
    for number in range(layers % pipeline):
        counts[-(number + 2) % pipeline] += 1
    ends = [sum(counts[: number + 1]) for number in range(pipeline)]
    return tuple((end - count, end) for count, end in zip(counts, ends, strict=True))


def allocated(size: int) -> int:
    """Bytes that torch counts for a tensor of ``size`` bytes.

    From 10 MiB on a tensor gets a segment of its own in steps of 2 MiB, and a rest of at most 1 MiB stays with it.
    https://github.com/pytorch/pytorch/blob/v2.5.0/c10/cuda/CUDACachingAllocator.cpp (round_size, should_split)
    """
    if size < _WHOLE_SEGMENT:
        return -(-size // 512) * 512
    segment = -(-size // (2 * _MIB)) * 2 * _MIB
    return segment if segment - size <= _MIB else size


def rope_table_bytes(model: Model, element_bytes: int) -> int:
    """Cosines and sines of every position, which layers share: max_len x rotary dimension."""
    latent = next((layer.cache for layer in model.layers if hasattr(layer.cache, "rope_dim")), None)
    width = getattr(latent, "rope_dim", 0) if latent else _key_dim(model)
    return (model.max_len or 0) * width * element_bytes


def _key_dim(model: Model) -> int:
    return max((getattr(layer.cache, "key_dim", 0) for layer in model.layers), default=0)


class _LayerSizes:
    """Bytes of a layer on one GPU, computed once for layers that are alike."""

    def __init__(self, scheme: Scheme, sharding: Sharding, element_bytes: int) -> None:
        self._scheme = scheme
        self._sharding = sharding
        self._plain = Scheme(bits=8 * element_bytes)
        self._known: dict[int, int] = {}

    def of(self, layer: Layer) -> int:
        if id(layer) not in self._known:
            self._known[id(layer)] = self._size(layer)
        return self._known[id(layer)]

    def _size(self, layer: Layer) -> int:
        kv_heads = getattr(layer.cache, "kv_heads", 0)
        tensors: dict[tuple[str, int], int] = {}
        for matrix in layer.matrices:
            parts = stored(shard(matrix, self._sharding, kv_heads), self._scheme_of(matrix))
            for number, size in enumerate(parts):
                key = (_fused_name(matrix.name), number)
                tensors[key] = tensors.get(key, 0) + size
        return sum(allocated(size) for size in tensors.values())

    def _scheme_of(self, matrix: Matrix) -> Scheme:
        if not matrix.linear or (self._scheme.only_experts and matrix.split != "experts"):
            return self._plain
        scheme = matrix.scheme or self._scheme
        return self._plain if scheme.method == "none" else scheme


def _fused_name(name: str) -> str:
    head, _, last = name.rpartition(".")
    return f"{head}.{_FUSED.get(last, last)}"


def shard(matrix: Matrix, sharding: Sharding, kv_heads: int = 0) -> Matrix:
    """The part of a matrix that one GPU holds. ``kv_heads``: key-value heads of its layer."""
    if matrix.split == "replicated":
        return matrix
    if matrix.split == "experts" and sharding.experts > 1:
        return replace(matrix, count=-(-matrix.count // sharding.experts))
    gpus = sharding.attention if matrix.name.split(".", 1)[0] in _ATTENTION else sharding.tensor
    if matrix.split == "kv_heads" and kv_heads:
        gpus = min(gpus, kv_heads)
    # Which side is cut does not matter for the size; scales are next to nothing either way.
    return replace(matrix, outputs=-(-matrix.outputs // gpus))


def stored(matrix: Matrix, scheme: Scheme) -> tuple[int, ...]:
    """Bytes of the tensors that hold a matrix: elements, scales, zero points."""
    elements = math.ceil(matrix.elements * scheme.bits / 8)
    if scheme.method == "none":
        return (elements,)
    groups = _groups(matrix, scheme)
    scales = groups * scheme.scale_bits // 8
    zeros = math.ceil(groups * scheme.bits / 8) if scheme.zeros else 0
    return (elements, scales, zeros)


def _groups(matrix: Matrix, scheme: Scheme) -> int:
    if scheme.group is None:
        return matrix.outputs * matrix.count
    along = -(-matrix.inputs // scheme.group)
    across = -(-matrix.outputs // scheme.group) if scheme.block else matrix.outputs
    return along * across * matrix.count


def _plain(model: Model, matrices: Iterable[Matrix], sharding: Sharding, element_bytes: int) -> int:
    return sum(
        allocated(shard(_padded(matrix, model.vocab_size), sharding).elements * element_bytes) for matrix in matrices
    )


def _padded(matrix: Matrix, vocabulary: int) -> Matrix:
    if vocabulary and matrix.outputs == vocabulary:
        return replace(matrix, outputs=_vocabulary(vocabulary))
    if vocabulary and matrix.inputs == vocabulary:
        return replace(matrix, inputs=matrix.outputs, outputs=_vocabulary(vocabulary))
    return matrix


def _vocabulary(size: int) -> int:
    return -(-size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
