"""What was read of a model's own files: the planner's raw input, small enough to travel in a pod's last message."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 1 << 20
"""Bytes that ``decode`` unpacks at most: the text comes from a pod that tenants can make say anything."""
MAX_COUNT = 1 << 53
"""Of bytes or elements. No model comes near, and floats hold every integer up to it."""


@dataclass(frozen=True)
class Tensors:
    """Sums over the headers of the safetensors files of a repository."""

    parameters: Mapping[str, int] = field(default_factory=dict)
    """Elements by type as the headers name it: {"BF16": 8030261248}; packed types count packed elements."""
    total_bytes: int = 0
    """Bytes of all tensors."""
    drafter_bytes: int = 0
    """Of these, bytes of multi-token-prediction layers beyond num_hidden_layers."""


@dataclass(frozen=True)
class Gguf:
    """Header of a GGUF file (all parts of a split one together)."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Key-values without tokenizer arrays and chat templates: {"general.architecture": "llama", ...}. The length of
    tokenizer.ggml.tokens is kept as "tokenizer.ggml.tokens.length"."""
    layer_bytes: tuple[int, ...] = ()
    """Bytes of the tensors of each block."""
    embedding_bytes: int = 0
    """token_embd.weight: stays in host memory, unless it is the output head too."""
    output_bytes: int = 0
    """output.weight and output_norm; 0 where the head is tied to the embedding."""
    other_bytes: int = 0
    file_type: str = ""
    """Most frequent quantized type: Q4_K, Q8_0, F16, ..."""


@dataclass(frozen=True)
class ModelFiles:
    """Facts from the files; None is what could not be read or does not exist."""

    config: Mapping[str, Any] | None = None
    """config.json, with quantization_config from its own file where the checkpoint has one (hf_quant_config.json)."""
    tensors: Tensors | None = None
    gguf: Gguf | None = None
    missing: tuple[str, ...] = ()
    """What is there but could not be read, in words for people ("model.safetensors: its header is too large")."""

    def encode(self) -> str:
        """One line of text: compressed JSON in base64."""
        record: dict[str, Any] = {}
        if self.config is not None:
            record["config"] = dict(self.config)
        if self.tensors is not None:
            record["tensors"] = {
                "parameters": dict(self.tensors.parameters),
                "totalBytes": self.tensors.total_bytes,
                "drafterBytes": self.tensors.drafter_bytes,
            }
        if self.gguf is not None:
            record["gguf"] = {
                "metadata": dict(self.gguf.metadata),
                "layerBytes": list(self.gguf.layer_bytes),
                "embeddingBytes": self.gguf.embedding_bytes,
                "outputBytes": self.gguf.output_bytes,
                "otherBytes": self.gguf.other_bytes,
                "fileType": self.gguf.file_type,
            }
        if self.missing:
            record["missing"] = list(self.missing)
        return base64.b64encode(zlib.compress(json.dumps(record, separators=(",", ":")).encode(), 9)).decode()

    @classmethod
    def decode(cls, text: str) -> "ModelFiles":
        """What ``encode`` made. Raises ValueError for anything else."""
        try:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(base64.b64decode(text, validate=True), MAX_TEXT)
            if unpacker.unconsumed_tail:
                raise ValueError("facts are too large")
            record = json.loads(content)
            missing = tuple(str(sentence) for sentence in record.get("missing", ()))
            return cls(_config(record), _tensors(record.get("tensors")), _gguf(record.get("gguf")), missing)
        except (zlib.error, AttributeError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"these are no facts of a model: {error}") from error


def _config(record: dict[str, Any]) -> dict[str, Any] | None:
    config = record.get("config")
    return dict(config) if config is not None else None


def _tensors(record: dict[str, Any] | None) -> Tensors | None:
    if record is None:
        return None
    parameters = {str(name): _count(count) for name, count in record["parameters"].items()}
    return Tensors(parameters, _count(record["totalBytes"]), _count(record["drafterBytes"]))


def _gguf(record: dict[str, Any] | None) -> Gguf | None:
    if record is None:
        return None
    return Gguf(
        metadata=dict(record["metadata"]),
        layer_bytes=tuple(_count(count) for count in record["layerBytes"]),
        embedding_bytes=_count(record["embeddingBytes"]),
        output_bytes=_count(record["outputBytes"]),
        other_bytes=_count(record["otherBytes"]),
        file_type=str(record["fileType"]),
    )


def _count(value: Any) -> int:
    """A number of bytes or elements: nothing that arithmetic in floats could not hold."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    raise ValueError(f"these are no facts of a model: {str(value)[:20]} is no count")
