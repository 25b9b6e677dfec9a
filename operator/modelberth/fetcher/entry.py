"""One entry of a cache: the files of one commit, all of one download."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from modelberth.fetcher import record
from modelberth.fetcher.record import Record
from modelberth.fetcher.snapshot import is_here
from modelberth.ports.model_files.selection import is_plain

LOCKS = ".locks"


@dataclass(frozen=True)
class Entry:
    """One entry of a cache; its folder may not exist yet."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def lock(self) -> Path:
        # Beside the entry, and never deleted: a lock that goes with what it guards guards nothing.
        return self.root / LOCKS / self.name

    def complete(self) -> Record | None:
        """Its record where everything was verified and still is there."""
        found = record.load(self.folder)
        if found is None or not found.complete:
            return None
        # Others write into this folder too: a path that leaves it is none of the fetcher's.
        return found if all(is_plain(file.path) and is_here(file, self.folder) for file in found.files) else None

    def seal(self, whole: Record) -> Record:
        """Marks it complete, once everything is on the disk: a node that loses power must not leave a mark alone."""
        for file in whole.files:
            with (self.folder / file.path).open("rb") as written:
                os.fsync(written.fileno())
        whole = replace(whole, complete=True)
        record.save(whole, self.folder)
        return whole

    def touch(self) -> None:
        """It is in use: pruning leaves it alone for a while."""
        os.utime(self.folder / record.NAME)
