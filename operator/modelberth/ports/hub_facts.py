"""Which requests a model's facts take: as few as possible, config.json first.

The listing tells the size of every file, and the hub counts the elements of safetensors by type. So headers are read
only of single files, of quantized ones (whose elements the hub does not count as they are stored), and of files with
layers for drafting.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelberth.api.spec import EngineType
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.hub_repository import Listing, Repository
from modelberth.ports.model_files import quantization
from modelberth.ports.model_files.gguf_header import GgufHeader, read_gguf_header
from modelberth.ports.model_files.gguf_sums import sum_gguf
from modelberth.ports.model_files.layers import has_drafter, layer_count
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem
from modelberth.ports.model_files.safetensors_header import (
    StoredTensor,
    parse_safetensors_header,
    read_header,
    sum_tensors,
)
from modelberth.ports.model_files.safetensors_index import INDEX, MAX_INDEX_BYTES, bytes_of, drafter_files, index_total
from modelberth.ports.model_files.selection import Selection, Unsuitable, Wish, select

CONFIG = "config.json"
MAX_CONFIG_BYTES = 1 << 20
"""Largest config.json that is read, in bytes."""
MAX_HEADERS = 4
"""Files whose headers are all read; of more the sizes suffice."""
MAX_DRAFTER_FILES = 8
MAX_GGUF_PARTS = 64
_FIRST_BYTES = 1 << 17
"""Asked for first of a safetensors file, or of a later part of a GGUF: most headers are smaller."""
_GGUF_FIRST_BYTES = 2 << 20
"""A vocabulary of 150,000 words takes 5 MB."""
_CERTAIN = {"CheckpointCorrupt", "ModelGated", "ModelNotFound"}
"""Reasons that no later request can change."""

Config = dict[str, Any]


def read_facts(repository: Repository, file: str | None, engine: EngineType | None) -> ModelFiles:
    """See Hub.files."""
    listing = repository.listing()
    if listing is None:
        # A data set, say. What is left is config.json, and the fetcher.
        config = repository.json(CONFIG, MAX_CONFIG_BYTES)
        return ModelFiles(config, missing=(f"{repository.asked.repo} has too many files to list.",))
    paths = _selected(repository, listing, file, engine).files
    config = _config(repository, listing)
    ggufs = [path for path in paths if path.lower().endswith(".gguf")]
    safetensors = [path for path in paths if path.endswith(".safetensors")]
    try:
        if ggufs:
            return ModelFiles(config, gguf=_gguf(repository, ggufs))
        return ModelFiles(config, _Checkpoint(repository, listing, safetensors, config).tensors())
    except CorruptHeader as problem:
        raise HubProblem(
            "CheckpointCorrupt", f"{repository.asked.repo} at {repository.commit}: {problem}."
        ) from problem
    except HeaderProblem as problem:
        return ModelFiles(config, missing=(str(problem),))
    except HubProblem as problem:
        if config is None or problem.reason in _CERTAIN:
            raise
        return ModelFiles(config, missing=(problem.message,))


def _selected(repository: Repository, listing: Listing, file: str | None, engine: EngineType | None) -> Selection:
    """What would be downloaded for the engine; for any engine where none is named."""
    refusal: HubProblem | None = None
    engines: tuple[EngineType, ...] = (engine,) if engine else ("vLLM", "LlamaCpp")
    for candidate in engines:
        selection = select(listing.sizes, Wish(candidate, file, allow_pickle=True))
        if isinstance(selection, Selection):
            return selection
        refusal = refusal or _refused(repository, selection)
    assert refusal is not None
    raise refusal


def _refused(repository: Repository, why: Unsuitable) -> HubProblem:
    return HubProblem(why.reason, f"{repository.asked.repo}: {why.message}")


def _config(repository: Repository, listing: Listing) -> Config | None:
    if CONFIG not in listing.sizes:
        return None
    config = repository.json(CONFIG, MAX_CONFIG_BYTES)
    if config is None or quantization.is_quantized(config):
        return config
    for name in quantization.FILES:
        if name in listing.sizes and (content := repository.json(name, MAX_CONFIG_BYTES)):
            return quantization.with_quantization(config, name, content)
    return config


class _Checkpoint:
    """The safetensors of a repository."""

    def __init__(
        self, repository: Repository, listing: Listing, paths: list[str], config: Mapping[str, Any] | None
    ) -> None:
        self._repository, self._listing, self._paths = repository, listing, paths
        self._layers = layer_count(config)
        self._drafts = has_drafter(config)

    def tensors(self) -> Tensors | None:
        """Exact sums where headers were read or the hub's count agrees with the sizes; else bytes alone, to 0.01 %."""
        if not self._paths:
            return None
        counted = self._counted()
        if len(self._paths) == 1 or (counted is None and len(self._paths) <= MAX_HEADERS):
            return sum_tensors(self._stored(self._paths), self._layers)
        size = self._size()
        index: bytes | None = None
        if self._drafts or (counted is None and size is None):
            index = self._repository.content(INDEX, MAX_INDEX_BYTES)
        if counted is None:
            total = index_total(index) if index else None
            total = size if total is None else total
            if total is None:
                return None
            counted = Tensors(total_bytes=total)
        return replace(counted, drafter_bytes=self._drafter_bytes(index)) if index else counted

    def _counted(self) -> Tensors | None:
        """The hub's count, if it is of these files: their sizes are those of the tensors and of small headers."""
        total, size = bytes_of(self._listing.parameters), self._size()
        if not total or size is None or not 0 <= size - total <= size // 100 + (1 << 20):
            return None
        return Tensors(self._listing.parameters, total)

    def _size(self) -> int | None:
        """Bytes of all files; None where a mirror does not say."""
        sizes = [self._listing.sizes[path] for path in self._paths]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def _drafter_bytes(self, index: bytes) -> int:
        """0 where the files with such layers are too many."""
        files = drafter_files(index, self._layers).intersection(self._paths)
        if len(files) > MAX_DRAFTER_FILES:
            return 0
        return sum_tensors(self._stored(sorted(files)), self._layers).drafter_bytes

    def _stored(self, paths: Iterable[str]) -> Iterator[StoredTensor]:
        for path in paths:
            with self._repository.open(path, _FIRST_BYTES) as file:
                yield from parse_safetensors_header(read_header(file))


def _gguf(repository: Repository, parts: list[str]) -> Gguf:
    if len(parts) > MAX_GGUF_PARTS:
        raise HeaderProblem(f"{parts[0]} has more than {MAX_GGUF_PARTS} parts")
    return sum_gguf(_gguf_header(repository, path, path == parts[0]) for path in parts)


def _gguf_header(repository: Repository, path: str, is_first: bool) -> GgufHeader:
    with repository.open(path, _GGUF_FIRST_BYTES if is_first else _FIRST_BYTES) as file:
        return read_gguf_header(file)
