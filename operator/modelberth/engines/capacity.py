"""How much the KV cache of a running engine holds, in the engine's own numbers.

The text comes from a pod that its owner can make say anything, so rows and their length are bounded.
"""

import math
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

MAX_ROWS = 256
"""Rows of one metric that are read: one per rank."""
MAX_ROW = 8192
"""Characters of a row; vLLM's longest has 1,500. The parser's time grows with the square of a row's labels."""
MAX_TOKENS = 2.0**53


@dataclass(frozen=True)
class Capacity:
    """What one replica holds: all its data-parallel ranks together."""

    kv_tokens: int
    max_concurrency: float | None
    """Requests of the engine's longest length that fit at once; None where the engine does not tell."""


def capacity_of(kv_tokens: float | None, max_concurrency: float | None) -> Capacity | None:
    """None for what is no number of tokens; a concurrency that is none is left out."""
    if kv_tokens is None or not 1 <= kv_tokens <= MAX_TOKENS:
        return None
    known = max_concurrency is not None and 0 < max_concurrency <= MAX_TOKENS
    return Capacity(int(kv_tokens), max_concurrency if known else None)


def rows(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every row of one metric in Prometheus' text format; nothing where it cannot be read."""
    found = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")) and len(line) <= MAX_ROW]
    try:
        families = list(text_string_to_metric_families("\n".join(found[:MAX_ROWS]) + "\n"))
    except (ValueError, IndexError, KeyError):
        return []
    return [(sample.labels, sample.value) for family in families for sample in family.samples]


def number(text: str | None) -> float | None:
    """The number that a label holds; None for "None" and everything else that is no finite number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def total(values: list[float | None]) -> float | None:
    """The sum, or None where one is missing or there are none."""
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None
