"""The decisive words of an engine that failed, picked from all that it printed.

It runs in the engine's container beside run.py, so: standard library only, Python 3.8. The operator uses `stable` too.
"""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")

PREFIX = re.compile(
    r"""^(?:
        # vLLM: (EngineCore pid=77) ERROR 11-24 00:32:06 [core.py:1510]; either part may be missing
        \((?P<process>[A-Za-z][\w-]*)(?:\ [\w=]+)*\)(?:\ |$)
        | (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\ \d\d-\d\d\ \d\d:\d\d:\d\d(?:[.,]\d+)?\ \[[^\]]*\](?:\ |$)
        # SGLang: [2026-11-24 00:31:57 TP0]
        | \[\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d[^\]]*\](?:\ |$)
        # torch: [W1124 00:32:05.626551517 utils.cpp:68]
        | \[(?P<torch>[EWIF])\d{4}\ \d\d:\d\d:\d\d[^\]]*\](?:\ |$)
        | \[rank\d+\]:\ ?
        # llama.cpp: 0.00.046.200 E
        | \d+\.\d\d\.\d{3}\.\d{3}\ (?P<llama>[A-Z])(?:\ |$)
    )""",
    re.VERBOSE,
)
"""What stands before a log line and says who writes, when, and how bad it is."""

# What differs from one try to the next, and where Python was installed.
_MOVES = (
    (re.compile(r"[^\s\"'(]*/(?:site|dist)-packages/"), ""),
    (re.compile(r"[^\s\"'(]*/lib/python3\.\d+/"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}"), "0x…"),
    (re.compile(r"\b([Pp]id|PID)([ =:]+)\d+"), r"\1\2…"),
    (re.compile(r"\b([Pp]rocess(?:es)?) \d+"), r"\1 …"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?"), "…"),
    (re.compile(r"(?<=\d\.\d\.\d\.\d:)\d{5}\b|(?<=localhost:)\d{5}\b|(?<=tcp://)[\w.:\[\]]+"), "…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "…"),
    (re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]{12,}\b(?<!\d{12})"), "…"),
    (re.compile(r"(/tmp/[\w./-]*?)[\w-]*[0-9][\w-]{5,}"), r"\1…"),
    # pydantic repeats what it was given, as Python writes it
    (re.compile(r"\s*\[type=[a-z_]+, input_value=.*\]$"), ""),
)


def stable(line: str) -> str:
    """A line without what the same failure would write differently the next time, and without its log prefix."""
    line = _ANSI.sub("", line).rstrip()
    while (found := PREFIX.match(line)) is not None:
        line = line[found.end() :]
    for pattern, replacement in _MOVES:
        line = pattern.sub(replacement, line)
    return line
