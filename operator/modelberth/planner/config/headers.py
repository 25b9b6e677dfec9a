"""What the headers of the files say against what config.json says: the files are what is loaded."""

from collections.abc import Iterable
from dataclasses import replace

from modelberth.planner.config.pieces import vector
from modelberth.planner.files import Tensors
from modelberth.planner.model import Layer, Matrix, Model

TOLERANCE = 0.01
"""Share by which a known architecture may differ: biases that a file leaves out, heads that are stored though tied."""
NOT_LOADED = ("qwen2_5_omni", "qwen3_omni_moe")
"""Models whose files hold parts that engines do not load (speech output)."""
_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


def corrected(model: Model, tensors: Tensors, known: bool) -> Model:
    """The model with the size that the headers tell, where that is comparable and differs.

    Packed types count packed elements, so quantized checkpoints of a ``known`` architecture are taken as config.json
    describes them, but for fp8, whose elements are not packed.
    """
    countable = model.scheme.method in ("none", "fp8")
    if model.model_type in NOT_LOADED or tensors.total_bytes <= 0 or (known and not countable):
        return model
    if countable:
        told = _elements(tensors)
        expected: float = model.parameters
    else:
        size = _BYTES[model.dtype]
        told = (tensors.total_bytes - tensors.drafter_bytes) // size
        expected = _stored_bytes(model, size) / size
    if told <= 0 or expected <= 0 or abs(told - expected) <= TOLERANCE * expected:
        return model
    note = f"the files hold {told / 1e9:.2f} billion parameters, config.json describes {expected / 1e9:.2f}"
    model = replace(model, estimated=(*model.estimated, note))
    if told > expected:
        return replace(model, extra=(*model.extra, vector("unexplained", int(told - expected), split="tensor")))
    return _scaled(model, told / expected)


def measured_bits(model: Model, tensors: Tensors) -> float | None:
    """Bits of an element of the linear layers, scales included, from the size of all files."""
    size = _BYTES[model.dtype]
    matrices = list(_matrices(model))
    linear = sum(matrix.elements for matrix in matrices if matrix.linear)
    rest = sum(matrix.elements for matrix in matrices if not matrix.linear) * size
    bits = 8 * (tensors.total_bytes - tensors.drafter_bytes - rest) / linear if linear else 0.0
    return bits if 1 <= bits <= 16 else None


def _elements(tensors: Tensors) -> int:
    """Elements of all tensors but those of drafters, whose share of the bytes is known."""
    share = tensors.drafter_bytes / tensors.total_bytes
    return round(sum(tensors.parameters.values()) * max(1 - share, 0))


def _matrices(model: Model) -> Iterable[Matrix]:
    for layer in model.layers:
        yield from layer.matrices
    yield from (*model.embedding, *model.head, *model.extra)


def _stored_bytes(model: Model, size: int) -> float:
    total = 0.0
    for matrix in _matrices(model):
        scheme = matrix.scheme or model.scheme
        quantized = matrix.linear and (matrix.split == "experts" or not scheme.only_experts)
        scales = scheme.scale_bits / scheme.group / (scheme.group if scheme.block else 1) if scheme.group else 0
        total += matrix.elements * ((scheme.bits + scales) / 8 if quantized else size)
    return total


def _scaled(model: Model, factor: float) -> Model:
    """All matrices smaller by the same factor."""
    known: dict[int, Layer] = {}
    for layer in model.layers:
        if id(layer) not in known:
            known[id(layer)] = Layer(_smaller(layer.matrices, factor), layer.cache)
    return replace(
        model,
        layers=tuple(known[id(layer)] for layer in model.layers),
        embedding=_smaller(model.embedding, factor),
        head=_smaller(model.head, factor),
        extra=_smaller(model.extra, factor),
    )


def _smaller(matrices: tuple[Matrix, ...], factor: float) -> tuple[Matrix, ...]:
    return tuple(replace(matrix, outputs=max(round(matrix.outputs * factor), 1)) for matrix in matrices)
