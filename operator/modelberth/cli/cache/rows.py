"""Entries as `modelberth cache` prints them: JSON, and lines for people."""

from collections.abc import Iterable
from typing import Any

from modelberth.fetcher.progress import duration, gib
from modelberth.fetcher.stored import Stored

Row = dict[str, Any]
"""entry, repo, commit, bytes, state, usedAt (seconds since 1970); verdict after a pruning, usedBy with a cluster."""


def row(stored: Stored) -> Row:
    """One entry."""
    state = "downloading" if stored.locked and not stored.complete else "complete" if stored.complete else "incomplete"
    return {
        "entry": stored.name,
        "repo": stored.repo,
        "commit": stored.commit,
        "bytes": stored.bytes,
        "state": state,
        "usedAt": int(stored.used_at),
    }


def table(rows: list[Row], now: float) -> list[str]:
    """A line for each entry, under a heading; the columns that the rows have."""
    if not rows:
        return ["The cache is empty."]
    columns = {"ENTRY": [each["entry"] for each in rows]}
    columns["SIZE"] = [gib(each["bytes"]) for each in rows]
    columns["STATE"] = [each["state"] for each in rows]
    columns["LAST FETCH"] = [f"{duration(max(0.0, now - each['usedAt']))} ago" for each in rows]
    if "verdict" in rows[0]:
        columns["VERDICT"] = [each["verdict"] for each in rows]
    if "usedBy" in rows[0]:
        columns["USED BY"] = [", ".join(each["usedBy"]) or "nobody" for each in rows]
    widths = [max(map(len, [title, *cells])) for title, cells in columns.items()]
    lines = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def removable(rows: Iterable[Row]) -> list[Row]:
    """Those that a pruning took away, or would."""
    return [each for each in rows if each["verdict"] in ("unused", "removed")]
