"""Engine versions as people write them down: "V0, 0.7.x (Mar 2025)", "main 2023-12", "0.28-era", or not at all."""

import re
from typing import Any

from modelberth.api.engine_facts import Version

_NUMBER = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,3})(?:\.(\d{1,3}))?(?!\d)")
_DAY = re.compile(r"(20\d\d)-(\d\d)")
_MONTH = re.compile(r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? (20\d\d)")
_YEAR = re.compile(r"\b(20\d\d)\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_RELEASES: tuple[tuple[tuple[int, int], Version], ...] = (
    ((2023, 6), (0, 1)),
    ((2023, 12), (0, 2, 6)),
    ((2024, 2), (0, 3, 1)),
    ((2024, 4), (0, 4, 1)),
    ((2024, 6), (0, 5)),
    ((2024, 8), (0, 5, 4)),
    ((2024, 10), (0, 6, 3)),
    ((2024, 12), (0, 6, 5)),
    ((2025, 2), (0, 7, 2)),
    ((2025, 3), (0, 7, 3)),
    ((2025, 4), (0, 8, 3)),
    ((2025, 6), (0, 9, 1)),
    ((2025, 8), (0, 10)),
    ((2025, 9), (0, 10, 2)),
    ((2025, 10), (0, 11)),
    ((2025, 12), (0, 12)),
    ((2026, 1), (0, 14)),
    ((2026, 3), (0, 17)),
    ((2026, 5), (0, 20)),
    ((2026, 7), (0, 25)),
    ((2026, 9), (0, 29)),
)
"""vLLM by month: https://github.com/vllm-project/vllm/releases."""

_FIRST_VLLM = {
    "qwen3_5": (0, 20, 1),
    "qwen3_5_moe": (0, 20, 1),
    "gemma4": (0, 22),
    "gpt_oss": (0, 10, 2),
    "qwen3_next": (0, 11),
    "deepseek_v32": (0, 11),
    "deepseek_v4": (0, 26),
    "glm4_moe": (0, 15),
    "minimax_m2": (0, 12),
    "mistral3": (0, 13),
    "qwen3": (0, 10, 2),
    "qwen3_moe": (0, 10, 2),
}
"""For rows without a version: what was current when such models were served."""

_FIRST_SGLANG = {"gemma4": (0, 5, 15), "qwen3_5": (0, 5, 15), "qwen3_5_moe": (0, 5, 15), "deepseek_v32": (0, 5, 4)}

LAST_PATCH = 2
"""Of "0.7.x": most series had as many."""
UNKNOWN_VLLM = (0, 10)
UNKNOWN_SGLANG = (0, 4, 6)
"""For rows without a version: its defaults are those that most such logs show."""


def version_of(row: dict[str, Any], model_type: str) -> Version:
    """The engine's version: as written, else by date, else by the age of the model."""
    text = str(row.get("engine_version") or "")
    if row.get("engine") == "sglang":
        found = _written(text)
        return found if found is not None and found >= (0, 1) else _FIRST_SGLANG.get(model_type, UNKNOWN_SGLANG)
    found = _written(text) or _dated(text)
    if found is None:
        found = (0, 8) if is_v0(row) else _FIRST_VLLM.get(model_type, UNKNOWN_VLLM)
    if is_v0(row):
        return min(found, (0, 10, 2))
    return max(found, (0, 7)) if is_v1(row) else found


def is_v0(row: dict[str, Any]) -> bool:
    """Whether the text says that it was the first generation of vLLM's engine."""
    return re.search(r"\bV0\b", str(row.get("engine_version") or "")) is not None


def is_v1(row: dict[str, Any]) -> bool:
    """Whether the text says that it was the second generation."""
    return re.search(r"\bV1\b", str(row.get("engine_version") or "")) is not None


def _written(text: str) -> Version | None:
    for match in _NUMBER.finditer(text):
        # 0.1.dev20051 is a build without tags, not vLLM 0.1.
        if text[match.end() :].startswith(".dev") and match[3] is None:
            continue
        numbers = [int(number) for number in match.groups() if number is not None]
        rest = text[match.end() :]
        if len(numbers) == 2 and rest.startswith(".x"):
            return (*numbers, LAST_PATCH)
        if len(numbers) == 3 and numbers[2] and rest.startswith("rc"):
            numbers[2] -= 1
        return tuple(numbers)
    return (0, 28) if re.search(r"dev2\d{4}", text) else None


def _dated(text: str) -> Version | None:
    day, month, year = _DAY.search(text), _MONTH.search(text), _YEAR.search(text)
    if day:
        when = (int(day[1]), int(day[2]))
    elif month:
        when = (int(month[2]), _MONTHS.index(month[1].lower()) + 1)
    elif year:
        when = (int(year[1]), 6)
    else:
        return None
    earlier = [version for since, version in _RELEASES if since <= when]
    return earlier[-1] if earlier else _RELEASES[0][1]
