"""What an engine has to do at one moment, from its own metrics.

The operator reads thousands of these texts every few seconds, and vLLM's has 100 kB, so nothing parses a text whole:
the rows are found by name. The rows of one metric stand together, as Prometheus' text format demands
(https://prometheus.io/docs/instrumenting/exposition_formats/). The text comes from a pod that its owner can make say
anything: rows, their length and their values are bounded, and a value that is no count makes the text unreadable.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from modelberth.engines.capacity import MAX_ROW, MAX_ROWS

MAX_COUNT = 2.0**53
"""Largest value of a row: beyond it floats skip whole numbers."""

_RANK = re.compile(r'[{,]dp_rank="([^"]*)"')


@dataclass(frozen=True)
class Load:
    """One pod at one moment."""

    running: int
    """Requests that the engine works on."""
    waiting: int
    """Requests that the engine has taken and not begun."""
    kv_usage: float | None
    """Share of the KV cache in use, 0..1, of the fullest rank; None where the engine does not tell."""
    finished: float
    """Counters of work that was done. Only a change has a meaning: a request passed, however short, since the last
    look, or the engine began anew."""


def load_of(
    running: float | None, waiting: float | None, kv_usage: float | None, finished: Iterable[float | None]
) -> Load | None:
    """None without both gauges. A counter without rows has counted nothing yet."""
    if running is None or waiting is None:
        return None
    return Load(
        running=math.ceil(running),
        waiting=math.ceil(waiting),
        kv_usage=None if kv_usage is None else min(kv_usage, 1.0),
        finished=sum(count or 0.0 for count in finished),
    )


def summed(text: str, name: str) -> float | None:
    """The sum of all rows of one metric; None where there are none or one is no count."""
    values = _rows(text, name)
    return sum(value for _, value in values) if values else None


def summed_over_ranks(text: str, name: str) -> float | None:
    """The sum over data-parallel ranks (SGLang's label dp_rank) of the largest row of each."""
    ranks: dict[str, float] = {}
    for labels, value in _rows(text, name) or ():
        found = _RANK.search(labels)
        rank = found[1] if found else ""
        ranks[rank] = max(value, ranks.get(rank, 0.0))
    return sum(ranks.values()) if ranks else None


def highest(text: str, *names: str) -> float | None:
    """The largest row of the first of these metrics that the text has; None where there is none."""
    for name in names:
        if values := _rows(text, name):
            return max(value for _, value in values)
    return None


def _rows(text: str, name: str) -> list[tuple[str, float]] | None:
    """Every row, as it is written, with its value; None where one cannot be used or there are too many."""
    rows: list[tuple[str, float]] = []
    start = _first(text, name)
    while text.startswith((f"{name}{{", f"{name} "), start):
        end = text.find("\n", start)
        row = text[start : end if end >= 0 else len(text)]
        value = _count(row) if len(row) <= MAX_ROW else None
        if value is None or len(rows) == MAX_ROWS:
            return None
        rows.append((row, value))
        start += len(row) + 1
    return rows


def _first(text: str, name: str) -> int:
    """Where the first row of the metric begins; the end of the text where there is none."""
    for start in (f"{name}{{", f"{name} "):
        if text.startswith(start):
            return 0
        found = text.find(f"\n{start}")
        if found >= 0:
            return found + 1
    return len(text)


def _count(row: str) -> float | None:
    """The value of a row: a number of 0 .. MAX_COUNT, which NaN is not. A time may stand behind it."""
    _, _, behind = row.rpartition("}") if "}" in row else row.partition(" ")
    try:
        value = float(behind.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return None
    return value if 0 <= value <= MAX_COUNT else None
