"""Weights as an engine holds them: cut over GPUs, quantized with their scales, in the blocks that torch hands out."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelberth.planner.model import Cache, LatentCache, Layer, Matrix, Model, Scheme

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
_ROW_WISE = ("down_proj", "w2")
_ROTARY_SHARES = (
    ("qwen3_next", 0.25),
    ("qwen3_5", 0.25),
    ("phi3", 1.0),
    ("phi", 0.5),
    ("gpt_neox", 0.25),
    ("glm4", 0.5),
)
"""partial_rotary_factor of families whose heads are rotated in part; the first that matches."""


@dataclass(frozen=True)
class Sharding:
    """How one replica is spread over GPUs."""

    tensor: int = 1
    """GPUs that share a dense matrix."""
    attention: int = 1
    """GPUs that share an attention layer: fewer than ``tensor`` under SGLang's data-parallel attention."""
    experts: int = 1
    """GPUs over which whole experts are spread; 1: every expert is cut."""
    expert_tensor: int | None = None
    """GPUs that every expert is cut over where they are not spread whole: more than ``tensor`` where vLLM's data ranks
    share them. None: ``tensor``."""
    pipeline: int = 1


@dataclass(frozen=True)
class Held:
    """How an engine holds weights."""

    scheme: Scheme
    """Of linear layers."""
    element_bytes: int
    """Bytes of an element that is not quantized."""
    sharding: Sharding = Sharding()
    rope_copies: int = 1
    """The table of rotary embeddings is so many times longer than the model's context."""
    hidden_multiple: int = 1
    """Experts are padded to it along the hidden dimension,"""
    inner_multiple: int = 1
    """and along their own, on each GPU."""


@dataclass(frozen=True)
class Stage:
    """One pipeline stage on one of its GPUs."""

    weights: int
    """Bytes."""
    layers: tuple[Layer, ...]


def stages(model: Model, held: Held) -> tuple[Stage, ...]:
    """What each pipeline stage holds."""
    sizes = _LayerSizes(held)
    bounds = partition(len(model.layers), held.sharding.pipeline)
    table = rope_table_bytes(model, held.element_bytes) * held.rope_copies
    found = []
    for number, (first, last) in enumerate(bounds):
        weights = table + sum(sizes.of(layer) for layer in model.layers[first:last])
        if number == 0:
            weights += _plain(model, model.embedding, held) + sizes.of(Layer(model.extra, None))
        if number == len(bounds) - 1:
            weights += _plain(model, model.head, held)
            if model.tied and number > 0:
                # The head is the embedding, so the last stage has a copy of it.
                weights += _plain(model, model.embedding, held)
        found.append(Stage(weights, model.layers[first:last]))
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
    """Cosines and sines of every position, which layers share: max_len x rotary dimension.

    Gemma 3 and 4 turn local and global layers at different speeds, so they have two tables.
    """
    kinds = {(_rotated(layer.cache), _local(layer.cache)) for layer in {id(one): one for one in model.layers}.values()}
    share = next((share for name, share in _ROTARY_SHARES if model.model_type.startswith(name)), 1.0)
    if model.model_type.startswith(("gemma3", "gemma4")):
        width = sum(width for width, _ in kinds)
    else:
        width = max((width for width, _ in kinds), default=0)
    return int((model.max_len or 0) * width * share) * element_bytes


def _rotated(cache: Cache | None) -> int:
    return cache.rope_dim if isinstance(cache, LatentCache) else getattr(cache, "key_dim", 0)


def _local(cache: Cache | None) -> bool:
    return getattr(cache, "window", None) is not None


class _LayerSizes:
    """Bytes of a layer on one GPU, computed once for layers that are alike."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._plain = Scheme(bits=8 * held.element_bytes)
        self._known: dict[int, int] = {}

    def of(self, layer: Layer) -> int:
        if id(layer) not in self._known:
            self._known[id(layer)] = self._size(layer)
        return self._known[id(layer)]

    def _size(self, layer: Layer) -> int:
        kv_heads = getattr(layer.cache, "kv_heads", 0)
        tensors: dict[tuple[str, int], int] = {}
        for matrix in layer.matrices:
            part = self._padded(shard(matrix, self._held.sharding, kv_heads))
            for number, size in enumerate(stored(part, self._scheme_of(matrix))):
                key = (_fused_name(matrix.name), number)
                tensors[key] = tensors.get(key, 0) + size
        return sum(allocated(size) for size in tensors.values())

    def _padded(self, matrix: Matrix) -> Matrix:
        """Experts as kernels want them: multiples of a tile along both dimensions."""
        hidden, inner = self._held.hidden_multiple, self._held.inner_multiple
        if matrix.split != "experts" or matrix.inputs == 1 or hidden == inner == 1:
            return matrix
        along, across = (inner, hidden) if matrix.name.endswith(_ROW_WISE) else (hidden, inner)
        return replace(matrix, inputs=-(-matrix.inputs // along) * along, outputs=-(-matrix.outputs // across) * across)

    def _scheme_of(self, matrix: Matrix) -> Scheme:
        scheme = matrix.scheme or self._held.scheme
        plain = scheme.method == "none" or not matrix.linear
        return self._plain if plain or (scheme.only_experts and matrix.split != "experts") else scheme


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
    if matrix.split == "experts":
        gpus = sharding.expert_tensor or sharding.tensor
    elif matrix.split == "kv_heads" and kv_heads:
        gpus = min(gpus, kv_heads)
    if gpus == 1:
        return matrix
    if matrix.split == "experts" and matrix.name.endswith(_ROW_WISE):
        return replace(matrix, inputs=-(-matrix.inputs // gpus))
    # Which side is cut does not matter for the size of dense matrices; scales are next to nothing either way.
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


def _plain(model: Model, matrices: Iterable[Matrix], held: Held) -> int:
    parts = (shard(_whole_vocabulary(matrix, model.vocab_size), held.sharding) for matrix in matrices)
    # GGUF files quantize embedding and head too.
    size = held.scheme.bits / 8 if held.scheme.method == "gguf" else held.element_bytes
    return sum(allocated(int(part.elements * size)) for part in parts)


def _whole_vocabulary(matrix: Matrix, vocabulary: int) -> Matrix:
    if vocabulary and matrix.outputs == vocabulary:
        return replace(matrix, outputs=_vocabulary(vocabulary))
    if vocabulary and matrix.inputs == vocabulary:
        return replace(matrix, inputs=matrix.outputs, outputs=_vocabulary(vocabulary))
    return matrix


def _vocabulary(size: int) -> int:
    return -(-size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE


def lora_bytes(model: Model, held: Held, adapters: int, rank: int) -> int:
    """Buffers for LoRA adapters beside every linear layer that is not an expert."""
    counts = Counter(id(layer) for layer in model.layers)
    layers = {id(layer): layer for layer in model.layers}
    elements = 0
    for name, layer in layers.items():
        parts = [shard(m, held.sharding) for m in layer.matrices if m.linear and m.split != "experts"]
        elements += counts[name] * sum(part.inputs + part.outputs for part in parts)
    return elements * adapters * rank * held.element_bytes


def absorbed_bytes(model: Model, held: Held) -> int:
    """Products of projections that vLLM 0.7 keeps beside the projections of latent attention.

    https://github.com/vllm-project/vllm/blob/v0.7.3/vllm/attention/backends/mla/common.py (W_Q_UK, W_UV_O)
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer.cache, LatentCache):
            queries = next((m.inputs for m in layer.matrices if m.name.endswith("q_b_proj")), model.hidden_size)
            heads = -(-model.attention_heads // held.sharding.attention)
            latent = layer.cache.dim - layer.cache.rope_dim
            total += heads * latent * (queries + model.hidden_size) * held.element_bytes
    return total // held.sharding.pipeline
