"""Reads an engine's output with its table."""

import re

from modelberth.api.spec import EngineType
from modelberth.engines.failures import llama_cpp, sglang, vllm
from modelberth.engines.failures.failure import Amounts, Failure, Pattern
from modelberth.hooks.words import stable

TABLES: dict[EngineType, tuple[Pattern, ...]] = {
    "vLLM": vllm.TABLE,
    "SGLang": sglang.TABLE,
    "LlamaCpp": llama_cpp.TABLE,
}

MAX_TEXT = 65_536
"""Characters that are read, from the end: a termination message has 4096 bytes at most."""
MAX_LINES = 3
MAX_LINE = 600
"""Characters of a line that are told; vLLM names every architecture that it knows in one."""

SOURCE = " " * 4
"""How a line of source starts in a Python traceback; it holds the text of errors that were not raised."""

_GIB = 2.0**30
_UNITS = {
    "b": 1.0,
    "bytes": 1.0,
    "kib": 2.0**10,
    "mib": 2.0**20,
    "mb": 2.0**20,
    "gib": _GIB,
    "gb": _GIB,
    "tib": 2.0**40,
}
"""Bytes of a unit. PyTorch, SGLang and llama.cpp count in powers of two whether they write MB or MiB."""


def read(engine_type: EngineType, text: str) -> Failure | None:
    """Why an engine ended, by what it said last; None where nothing in the text is known.

    Args:
        engine_type: Whose table is used.
        text: Its output, or any part of it: the termination message, or the last 2 KiB of the log. It comes from a
            container that its owner can make say anything, so what is read of it and what is told are bounded.
    """
    stripped = (stable(line)[: 2 * MAX_LINE] for line in text[-MAX_TEXT:].splitlines())
    lines = list(dict.fromkeys(line for line in stripped if line and not line.startswith(SOURCE)))
    for pattern in TABLES[engine_type]:
        found = [match for line in lines if (match := pattern.line.search(line))]
        if found:
            return _failure(pattern, found[0], lines)
    return None


def _failure(pattern: Pattern, match: re.Match[str], lines: list[str]) -> Failure:
    told = [match.string]
    if pattern.also is not None:
        told += [line for line in lines if pattern.also.search(line)]
    unique = tuple(dict.fromkeys(_cut(line) for line in told))[:MAX_LINES]
    groups = match.groupdict(default="")
    return Failure(pattern.reason, unique, pattern.advice, _amounts(groups))


def _amounts(groups: dict[str, str]) -> Amounts:
    length = groups.get("max_model_len", "")
    return Amounts(
        needed_gib=_gib(groups, "needed"),
        available_gib=_gib(groups, "available"),
        total_gib=_gib(groups, "total"),
        max_model_len=int(float(length)) if length else None,
    )


def _gib(groups: dict[str, str], name: str) -> float | None:
    count = groups.get(f"{name}_bytes", "")
    value, unit = (count, "bytes") if count else (groups.get(name, ""), groups.get(f"{name}_unit", "") or "GiB")
    return float(value) * _UNITS[unit.lower()] / _GIB if value else None


def _cut(line: str) -> str:
    line = line.strip()
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1].rstrip() + "…"
