"""What the fact-finding pod hands over: one line of JSON in its termination message, at most 4096 bytes.

The kubelet cuts there, so what the plan needs least is left out first. The pod is the tenants': its message can say
anything, and is read as such.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from modelberth.planner.config.keys import prune
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub_problems import HubProblem, Reason
from modelberth.ports.model_files.gguf_header import VOCABULARY

MAX_BYTES = 4096
"""https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
_MAX_SENTENCE = 2048
_KEPT_ITEMS = 8
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class FactsReport:
    """Either ``files`` or ``problem``."""

    files: ModelFiles | None = None
    commit: str | None = None
    """40 hex digits; None for claims and images."""
    truncated: bool = False
    """Facts had to be left out."""
    problem: HubProblem | None = None


def facts_text(files: ModelFiles, commit: str | None) -> str:
    """The report of facts that were read: config.json without what the planner does not read, less where it must be.

    Left out in this order: GGUF values that are not the architecture's; lists of unquantized modules; what could not be
    read; GGUF lists with an item per layer; config.json; everything.
    """
    files = replace(files, config=prune(files.config)) if files.config is not None else files
    text = _line(files, commit, truncated=False)
    for leave_out in _LESS:
        if len(text) <= MAX_BYTES:
            return text
        files = leave_out(files)
        text = _line(files, commit, truncated=True)
    return text


def facts_report(message: str) -> FactsReport | None:
    """The report in a termination message; None where it is none."""
    try:
        record = json.loads(message) if len(message) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return None
    match record:
        case {"problem": {"reason": str(reason), "message": str(sentence), "transient": bool(transient)}}:
            if reason in get_args(Reason):
                return FactsReport(problem=HubProblem(reason, sentence[:_MAX_SENTENCE], transient))  # type: ignore[arg-type]
        case {"files": str(encoded), "commit": str() | None as commit, **rest}:
            if commit is None or _COMMIT.fullmatch(commit):
                return _found(encoded, commit, rest.get("truncated") is True)
    return None


def _found(encoded: str, commit: str | None, truncated: bool) -> FactsReport | None:
    try:
        return FactsReport(ModelFiles.decode(encoded), commit, truncated)
    except ValueError:
        return None


def _line(files: ModelFiles, commit: str | None, truncated: bool) -> str:
    record = {"commit": commit, "files": files.encode(), **({"truncated": True} if truncated else {})}
    return json.dumps(record, separators=(",", ":"))


def _without_foreign_values(files: ModelFiles) -> ModelFiles:
    if files.gguf is None:
        return files
    metadata = files.gguf.metadata
    own = ("general.architecture", f"{metadata.get('general.architecture')}.", VOCABULARY)
    return replace(files, gguf=replace(files.gguf, metadata=_only(metadata, lambda key, _: key.startswith(own))))


def _without_module_lists(files: ModelFiles) -> ModelFiles:
    if files.config is None or not isinstance(quantized := files.config.get("quantization_config"), Mapping):
        return files
    return replace(files, config={**files.config, "quantization_config": _only(quantized, _is_short)})


def _without_per_layer_values(files: ModelFiles) -> ModelFiles:
    if files.gguf is None:
        return files
    return replace(files, gguf=replace(files.gguf, metadata=_only(files.gguf.metadata, _is_short)))


def _is_short(_key: str, value: Any) -> bool:
    return not isinstance(value, list) or len(value) <= _KEPT_ITEMS


def _only(values: Mapping[str, Any], keep: Callable[[str, Any], bool]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if keep(key, value)}


_LESS: tuple[Callable[[ModelFiles], ModelFiles], ...] = (
    _without_foreign_values,
    _without_module_lists,
    lambda files: replace(files, missing=()),
    _without_per_layer_values,
    lambda files: replace(files, config=None),
    lambda files: ModelFiles(),
)
