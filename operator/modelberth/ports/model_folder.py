"""The facts of a model from a folder: a checkpoint on disk, a mounted claim, or a copy of config.json alone."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.ports.hub_problems import Reason
from modelberth.ports.model_files import gguf_files, quantization
from modelberth.ports.model_files.gguf_header import GgufHeader, read_gguf_header
from modelberth.ports.model_files.gguf_sums import sum_gguf
from modelberth.ports.model_files.layers import layer_count
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem
from modelberth.ports.model_files.safetensors_header import (
    StoredTensor,
    parse_safetensors_header,
    read_header,
    sum_tensors,
)
from modelberth.ports.model_files.safetensors_index import INDEX, MAX_INDEX_BYTES, index_total
from modelberth.ports.model_files.selection import Unsuitable, Wish, select

MAX_CONFIG_BYTES = 1 << 20
"""Largest config.json that is read, in bytes."""
MAX_WEIGHT_FILES = 256
_MAX_NAMES = 10_000
CONFIG = "config.json"


class FolderProblem(ValueError):  # noqa: N818 - a problem with a way out, as people read it
    """What is wrong with which file, in one sentence; ``reason`` as status shows it."""

    def __init__(self, message: str, reason: Reason = "CheckpointCorrupt") -> None:
        super().__init__(message)
        self.reason = reason


def read_folder(path: Path) -> ModelFiles:
    """What the folder says; or one GGUF model, where the path names its (first) file.

    config.json alone suffices, an index of safetensors may stand for the files, and what engines would not load (a
    vendor's second copy) does not count. Raises FolderProblem.
    """
    try:
        if path.is_file():
            return _named(path)
        return _found(_Folder(path))
    except OSError as error:
        raise FolderProblem(f"{error.filename or path}: {error.strerror or error}.", "ModelNotFound") from error


class _Folder:
    """The plain files at the top of a folder; anything else (a FIFO would block for ever) is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = sorted(entry.name for entry in islice(path.iterdir(), _MAX_NAMES) if entry.is_file())

    def content(self, name: str, limit: int) -> bytes | None:
        """None without the file."""
        if name not in self.names:
            return None
        with self.open(name) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise self.problem(name, f"it is larger than {limit} bytes")
        return content

    def json(self, name: str) -> dict[str, Any] | None:
        """The object in the file; None without the file."""
        content = self.content(name, MAX_CONFIG_BYTES)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self.problem(name, "it is not JSON") from error
        if not isinstance(found, dict):
            raise self.problem(name, "it is not a JSON object")
        return found

    def open(self, name: str) -> BinaryIO:
        return (self.path / name).open("rb")

    def problem(self, name: str, why: object) -> FolderProblem:
        return FolderProblem(f"{self.path / name}: {why}.")


def _named(path: Path) -> ModelFiles:
    folder = _Folder(path.parent)
    chosen = gguf_files.named(folder.names, path.name)
    if isinstance(chosen, tuple):
        raise FolderProblem(f"{path}: {chosen[1]}", chosen[0])
    gguf, missing = _gguf(folder, chosen)
    return ModelFiles(_config(folder), gguf=gguf, missing=missing)


def _found(folder: _Folder) -> ModelFiles:
    config = _config(folder)
    tensors, without = _tensors(folder, layer_count(config))
    models = [model for model in gguf_files.models(folder.names) if model.complete]
    gguf: Gguf | None = None
    if len(models) == 1:
        gguf, more = _gguf(folder, models[0])
        without += more
    elif models and config is None and tensors is None:
        raise FolderProblem(
            f"{folder.path} holds {len(models)} GGUF models: name one ({gguf_files.listing(folder.names)}).",
            "UnsupportedModel",
        )
    if config is None and tensors is None and gguf is None and not without:
        raise FolderProblem(f"{folder.path} holds no config.json, no *.safetensors and no *.gguf.", "ModelNotFound")
    return ModelFiles(config, tensors, gguf, without)


def _config(folder: _Folder) -> dict[str, Any] | None:
    config = folder.json(CONFIG)
    if config is None or quantization.is_quantized(config):
        return config
    for name in quantization.FILES:
        content = folder.json(name)
        if content is not None:
            return quantization.with_quantization(config, name, content)
    return config


def _tensors(folder: _Folder, layers: int | None) -> tuple[Tensors | None, tuple[str, ...]]:
    """Sums over the headers, else what the index says; and what could not be read."""
    names = _weight_files(folder)
    if names and len(names) <= MAX_WEIGHT_FILES:
        try:
            return sum_tensors(_stored(folder, names), layers), ()
        except CorruptHeader as error:
            raise FolderProblem(str(error)) from error
        except HeaderProblem as error:
            return None, (str(error),)
    index = folder.content(INDEX, MAX_INDEX_BYTES)
    total = index_total(index) if index else None
    return (Tensors(total_bytes=total) if total is not None else None), ()


def _weight_files(folder: _Folder) -> list[str]:
    """The safetensors that an engine would load; none where a part is missing."""
    selection = select(folder.names, Wish("vLLM"))
    if isinstance(selection, Unsuitable):
        return []
    return [name for name in selection.files if name.endswith(".safetensors")]


def _stored(folder: _Folder, names: list[str]) -> Iterator[StoredTensor]:
    for name in names:
        try:
            with folder.open(name) as file:
                header = read_header(file)
            yield from parse_safetensors_header(header)
        except HeaderProblem as error:
            raise type(error)(f"{folder.path / name}: {error}.") from error


def _gguf(folder: _Folder, model: gguf_files.Gguf) -> tuple[Gguf | None, tuple[str, ...]]:
    """The model; or what could not be read of it."""
    if len(model.parts) > MAX_WEIGHT_FILES:
        return None, (f"{folder.path / model.parts[0]}: it has more than {MAX_WEIGHT_FILES} parts.",)
    try:
        return sum_gguf(_gguf_header(folder, name) for name in model.parts), ()
    except CorruptHeader as error:
        raise FolderProblem(str(error)) from error
    except HeaderProblem as error:
        return None, (str(error),)


def _gguf_header(folder: _Folder, name: str) -> GgufHeader:
    try:
        with folder.open(name) as file:
            return read_gguf_header(file)
    except HeaderProblem as error:
        raise type(error)(f"{folder.path / name}: {error}.") from error
