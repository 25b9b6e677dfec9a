"""Takes entries out of a cache that nobody uses. Who uses which is told: the folder itself cannot know."""

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from modelberth.fetcher import lock, record
from modelberth.fetcher.cache import ANSWERS
from modelberth.fetcher.entry import Entry
from modelberth.fetcher.entry_names import is_commit
from modelberth.fetcher.stored import Stored, stored_entries, stored_entry

Verdict = Literal["kept", "downloading", "recent", "unused", "removed"]
RECENT_S = 600.0
"""A pod that started just now may be unknown to whoever asked for the pruning."""


@dataclass(frozen=True)
class Pruning:
    """What is to stay."""

    keep: Collection[str]
    """Names of entries; * stands for anything."""
    recent_s: float = RECENT_S
    """Entries that a fetch used within these seconds stay."""
    dry_run: bool = False


def verdict(stored: Stored, pruning: Pruning, now: float) -> Verdict:
    """What keeps an entry, or "unused". ``now``: seconds since 1970."""
    if any(fnmatchcase(stored.name, pattern) for pattern in pruning.keep):
        return "kept"
    if stored.locked:
        return "downloading"
    return "recent" if now - stored.used_at < pruning.recent_s else "unused"


def prune(root: Path, pruning: Pruning, now: float) -> Iterator[tuple[Stored, Verdict]]:
    """Every entry with what kept it, or "removed"; a dry run says "unused" instead. Raises OSError."""
    for stored in stored_entries(root):
        judged = verdict(stored, pruning, now)
        if judged == "unused" and not pruning.dry_run:
            judged = _remove(Entry(root, stored.name), pruning, now)
        yield stored, judged
    if not pruning.dry_run:
        _forget(root)


def _remove(entry: Entry, pruning: Pruning, now: float) -> Verdict:
    """Alone with the entry, and judged once more: a fetch may have come between."""
    entry.lock.parent.mkdir(exist_ok=True)
    with lock.held_if_free(entry.lock) as free:
        if not free:
            return "downloading"
        judged = verdict(stored_entry(entry, locked=False), pruning, now)
        if judged == "unused":
            # The mark first: what is left when this is cut off counts as incomplete.
            (entry.folder / record.NAME).unlink(missing_ok=True)
            shutil.rmtree(entry.folder)
            return "removed"
        return judged


def _forget(root: Path) -> None:
    """Answers about branches whose commit is gone from here."""
    answers = root / ANSWERS
    commits = {stored.commit for stored in stored_entries(root)}
    for answer in answers.iterdir() if answers.is_dir() else ():
        commit = answer.read_text(errors="replace").strip()
        if is_commit(commit) and commit not in commits:
            answer.unlink()
