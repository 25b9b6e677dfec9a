"""A GGUF model as the planner needs it: bytes by the part of the model that they belong to."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from modelberth.planner.files import Gguf
from modelberth.ports.model_files.gguf_header import GgufHeader, GgufTensor
from modelberth.ports.model_files.problems import CorruptHeader

MAX_LAYERS = 4096
_BLOCK = re.compile(r"blk\.(\d{1,6})\.")
_INPUT = ("token_embd", "position_embd", "token_types", "per_layer_token_embd")
"""Beginnings of the names of what llama.cpp always keeps in host memory (LLM_TENSOR_LAYER_INPUT of llama-arch.cpp)."""
_OUTPUT = ("output.", "output_norm")


def sum_gguf(headers: Iterable[GgufHeader]) -> Gguf:
    """One model from the headers of its files: the first has the key-values of all. Raises CorruptHeader."""
    parts = list(headers)
    tensors = [tensor for part in parts for tensor in part.tensors]
    blocks, rest = _by_block(tensors)
    if max(blocks, default=0) >= MAX_LAYERS:
        raise CorruptHeader(f"it has a tensor of block {max(blocks)}")
    tied = not any(tensor.name.startswith("output.") for tensor in rest)
    output = 0 if tied else sum(tensor.bytes for tensor in rest if tensor.name.startswith(_OUTPUT))
    embedding = sum(tensor.bytes for tensor in rest if tensor.name.startswith(_INPUT))
    return Gguf(
        metadata=parts[0].metadata if parts else {},
        layer_bytes=tuple(blocks.get(number, 0) for number in range(max(blocks, default=-1) + 1)),
        embedding_bytes=embedding,
        output_bytes=output,
        other_bytes=sum(tensor.bytes for tensor in rest) - embedding - output,
        file_type=_file_type(tensors),
    )


def _by_block(tensors: Iterable[GgufTensor]) -> tuple[dict[int, int], list[GgufTensor]]:
    """Bytes of each block, and the tensors outside of blocks."""
    blocks: dict[int, int] = defaultdict(int)
    rest = []
    for tensor in tensors:
        if match := _BLOCK.match(tensor.name):
            blocks[int(match[1])] += tensor.bytes
        else:
            rest.append(tensor)
    return blocks, rest


def _file_type(tensors: Iterable[GgufTensor]) -> str:
    """The type of most elements: general.file_type is a number whose meaning differs between tools."""
    elements: Counter[str] = Counter()
    for tensor in tensors:
        elements[tensor.type.name] += tensor.elements
    return elements.most_common(1)[0][0] if elements else ""
