"""Which GGUF of a repository is the model: pure, from file names.

A large GGUF comes as a split set (name-00001-of-00003.gguf, ...): llama.cpp opens the first part and finds the rest.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from modelberth.ports.hub_problems import Reason

_SPLIT = re.compile(r"(?P<stem>.*)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf", re.IGNORECASE)
# Beside the model in many repositories: vision projectors and the data that quantization was calibrated with.
_BESIDE = re.compile(r"(.*[-_.])?(mmproj|imatrix)([-_.].*)?\.gguf", re.IGNORECASE)
_LISTED = 12

Refusal = tuple[Reason, str]


@dataclass(frozen=True)
class Gguf:
    """One GGUF model: a file, or all parts of a split set in order."""

    parts: tuple[str, ...]
    expected: int

    @property
    def complete(self) -> bool:
        return len(self.parts) == self.expected


def models(paths: Iterable[str]) -> list[Gguf]:
    """The GGUF models among these paths, by name."""
    sets: dict[tuple[str, int], list[str]] = {}
    for path in sorted(paths):
        if not path.lower().endswith(".gguf") or _BESIDE.fullmatch(path.rsplit("/", 1)[-1]):
            continue
        match = _SPLIT.fullmatch(path)
        sets.setdefault((match["stem"], int(match["parts"])) if match else (path, 1), []).append(path)
    return [Gguf(tuple(parts), expected) for (_, expected), parts in sets.items()]


def named(paths: Iterable[str], file: str) -> Gguf | Refusal:
    """The model that the URI names; all parts when it names the first of a split set."""
    candidates = list(paths)
    if not file.lower().endswith(".gguf"):
        return "UnsupportedModel", f"spec.model.uri names the file {file}; only a GGUF file (*.gguf) can be named."
    if file not in candidates:
        return (
            "ModelNotFound",
            f"The repository has no file {file}. Its GGUF files: {listing(candidates)}. Correct spec.model.uri.",
        )
    for model in models(candidates):
        if file == model.parts[0]:
            return _whole(model)
        if file in model.parts:
            return (
                "UnsupportedModel",
                f"{file} is not the first part of its set: name {model.parts[0]} in spec.model.uri.",
            )
    return "UnsupportedModel", f"{file} belongs beside a model, it is none. Name one of: {listing(candidates)}."


def only(paths: Iterable[str]) -> Gguf | Refusal:
    """The only model of the repository, when it is one file; several are refused, the choice is the user's.

    A split set must be named: llama.cpp takes the names of the other parts from the path it is given, so the fixed path
    model.gguf cannot lead to one ("invalid split file name").
    """
    found = models(paths)
    if not found:
        return (
            "UnsupportedModel",
            "The repository has no GGUF file, and LlamaCpp runs nothing else. Name a GGUF conversion of the model in "
            "spec.model.uri, or use spec.engine.type: vLLM or SGLang.",
        )
    if len(found) > 1:
        return (
            "UnsupportedModel",
            f"The repository has {len(found)} GGUF models. Name one in spec.model.uri (hf://org/name/FILE): "
            f"{listing(model.parts[0] for model in found)}.",
        )
    if found[0].expected > 1:
        return (
            "UnsupportedModel",
            f"The GGUF of the repository is split into {found[0].expected} files. Name the first in spec.model.uri "
            f"(hf://org/name/FILE): {found[0].parts[0]}.",
        )
    return found[0]


def listing(paths: Iterable[str]) -> str:
    """The models' first files, comma-separated, cut where there are many; ``none`` without any."""
    names = [model.parts[0] for model in models(paths)]
    more = len(names) - _LISTED
    return (", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")) or "none"


def _whole(model: Gguf) -> Gguf | Refusal:
    if model.complete:
        return model
    return (
        "CheckpointCorrupt",
        f"The repository holds {len(model.parts)} of {model.expected} parts of {model.parts[0]}. "
        "Its upload is not complete: name another revision or file in spec.model.uri.",
    )
