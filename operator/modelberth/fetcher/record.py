"""What a folder holds and which request that answers, written beside the files.

It serves three ends: a later commit takes away what it no longer has (nobody else's file is touched); a container
that restarts while the hub is down, after a reboot of its node say, goes on with what is there; and who finds it
marked complete in a cache need not ask the hub at all.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from modelberth.fetcher.resolve import RemoteFile
from modelberth.ports.model_files.selection import Wish

NAME = ".modelberth-fetch.json"


@dataclass(frozen=True)
class Record:
    """The files of one commit that were chosen for one request."""

    repo: str
    revision: str
    """As requested: a branch, tag or commit."""
    wish: Wish
    commit: str
    files: tuple[RemoteFile, ...]
    """With their sizes known."""
    gguf: str | None = None
    """The file that DIR/model.gguf leads to."""
    complete: bool = False
    """All files are there and were verified."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size or 0 for file in self.files)

    def answers(self, repo: str, revision: str, wish: Wish) -> bool:
        """Whether these are the files for that request, as far as can be said without the hub."""
        return (repo, wish) == (self.repo, self.wish) and revision in (self.revision, self.commit)


_JSON = TypeAdapter(Record)


def save(record: Record, folder: Path) -> None:
    """Writes the record; before the first file, so that a fetch that was cut off is recorded too.

    In one step: a container that is killed while it writes leaves the old one.
    """
    new = folder / f"{NAME}.new"
    new.write_bytes(_JSON.dump_json(record))
    os.replace(new, folder / NAME)


def load(folder: Path) -> Record | None:
    """The folder's record; None without a readable one."""
    try:
        return _JSON.validate_json((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return None
