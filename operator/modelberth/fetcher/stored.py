"""What a cache holds, as its folder tells it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelberth.fetcher import lock
from modelberth.fetcher.entry import Entry
from modelberth.fetcher.entry_names import commit_of, repo_of


@dataclass(frozen=True)
class Stored:
    """One entry."""

    name: str
    repo: str
    commit: str
    bytes: int
    """On the disk."""
    complete: bool
    locked: bool
    """A fetch is working on it."""
    used_at: float
    """When a fetch last used it, or last wrote to it; seconds since 1970."""


def stored_entries(root: Path) -> list[Stored]:
    """Every entry, by name. What is called otherwise is none of ours. Raises OSError."""
    folders = (
        path for path in sorted(root.iterdir()) if repo_of(path.name) and path.is_dir() and not path.is_symlink()
    )
    entries = (Entry(root, path.name) for path in folders)
    return [stored_entry(entry, lock.is_held(entry.lock)) for entry in entries]


def stored_entry(entry: Entry, locked: bool) -> Stored:
    """One entry, whoever holds its lock."""
    found = list(_files(entry.folder))
    return Stored(
        name=entry.name,
        repo=repo_of(entry.name) or "",
        commit=commit_of(entry.name) or "",
        bytes=sum(blocks for blocks, _ in found),
        complete=entry.complete() is not None,
        locked=locked,
        used_at=max((changed for _, changed in found), default=0.0),
    )


def _files(folder: Path) -> Iterator[tuple[int, float]]:
    """Bytes on the disk and time of the last change of every file; what goes away meanwhile is left out."""
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        # 512 whatever the file system's blocks are (inode(7)); a part file is sparse.
        yield found.st_blocks * 512, found.st_mtime
