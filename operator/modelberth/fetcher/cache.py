"""A folder that outlives its pods and that many of them share: an entry per repository, commit and kind of files."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelberth.fetcher import lock, record
from modelberth.fetcher.entry import Entry
from modelberth.fetcher.entry_names import entry_name, is_commit, question_name
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.snapshot import present_bytes
from modelberth.fetcher.stored import stored_entries
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import Wish

ANSWERS = ".revisions"
"""Which commit a branch or tag was when it was last complete here: what a start without the hub goes by."""
_LOOK_S = 1.0
_SAY_EVERY = 5
"""Looks between two lines of somebody who waits."""


@dataclass(frozen=True)
class Question:
    """Which files are wanted."""

    repo: str
    revision: str
    """A branch, tag or commit."""
    wish: Wish


class Cache:
    """The entries below a folder, for one fetch."""

    def __init__(self, root: Path, machine: Machine, progress: Progress) -> None:
        self.root = root
        self._machine = machine
        self._progress = progress

    def entry(self, asked: Question, commit: str) -> Entry:
        """The entry of these files. Raises HubProblem where the hub calls something a commit that is none."""
        try:
            return Entry(self.root, entry_name(asked.repo, commit, asked.wish))
        except ValueError as error:
            raise HubProblem(
                "HubUnreachable", f"The hub's answer makes no sense: {error}. Check HF_ENDPOINT."
            ) from error

    def remembered(self, asked: Question) -> str | None:
        """The commit that the branch or tag was when its files were last complete here."""
        try:
            commit = self._answer(asked).read_text(errors="replace").strip()
        except OSError:
            return None
        return commit if is_commit(commit) and self.entry(asked, commit).complete() else None

    def remember(self, asked: Question, commit: str) -> None:
        """For a start without the hub. Raises HubProblem."""
        answer = self._answer(asked)
        new = answer.with_name(f"{answer.name}.{os.getpid()}")
        with self.usable():
            new.write_text(commit)
            os.replace(new, answer)

    @contextmanager
    def locked(self, entry: Entry) -> Iterator[None]:
        """Alone with the entry; while another fetch is, tells how far that one is. Raises HubProblem."""
        looks = 0

        def wait() -> None:
            nonlocal looks
            self._watch(entry, aloud=looks % _SAY_EVERY == 0)
            looks += 1
            self._machine.sleep(_LOOK_S)

        with ExitStack() as stack:
            with self.usable():
                for folder in (entry.lock.parent, self.root / ANSWERS):
                    folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock.held(entry.lock, wait))
            yield

    def when_full(self, entry: Entry) -> str:
        """The way out when an entry has no room."""
        others = [stored for stored in stored_entries(self.root) if stored.name != entry.name and stored.bytes]
        if not others:
            return "Use a larger volume (spec.weights.cache), or a smaller quantization."
        size = gib(sum(stored.bytes for stored in others))
        return (
            f"The cache holds {len(others)} other entries with {size}: `modelberth cache prune` takes away those that "
            "nobody uses. Or use a larger volume (spec.weights.cache)."
        )

    def _answer(self, asked: Question) -> Path:
        return self.root / ANSWERS / question_name(asked.repo, asked.revision, asked.wish)

    def _watch(self, entry: Entry, aloud: bool) -> None:
        """Who holds the lock writes the record first and then part files: their sizes tell how far it is."""
        theirs = record.load(entry.folder)
        self._progress.enter("Waiting", theirs.commit if theirs else None)
        if theirs is not None:
            self._progress.see(theirs.size, present_bytes(theirs, entry.folder))
        if aloud:
            self._progress.say(f"Waiting for another pod that downloads this: {self._progress.line()}.")

    @contextmanager
    def usable(self) -> Iterator[None]:
        """What goes wrong with the volume is a HubProblem that says what it must be like."""
        try:
            yield
        except OSError as error:
            raise HubProblem("DownloadFailed", _unusable(error, self.root)) from error


def _unusable(error: OSError, root: Path) -> str:
    what = f"The cache at {root} cannot be used: {error.strerror or error}. "
    if isinstance(error, PermissionError):
        return (
            f"{what}The fetcher runs as uid {os.geteuid()}, who must own the directory or be allowed to write into it. "
            "A claim's volume is given to the pod's fsGroup; a hostPath is not: on the node, chown it to that uid."
        )
    return f"{what}It must be writable, on a file system with locks (flock)."
