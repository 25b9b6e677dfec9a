"""One file: from the hub into place, resumed where an earlier container stopped, counted and hashed as it passes.

huggingface-hub's own hf_hub_download starts a file over in every process (its temporary names are unique), which costs
up to 50 GB after a restart; so its lower half, http_get, writes into a part file of ours whose name is stable.
A file appears under its own name only when it is complete and verified.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import httpx2

from modelberth.fetcher.progress import Progress
from modelberth.fetcher.resolve import RemoteFile, Source
from modelberth.fetcher.retries import TRIES, delay
from modelberth.ports.hub_answers import problem_of
from modelberth.ports.hub_client import build_hf_headers, errors, hf_hub_url, http_get
from modelberth.ports.hub_problems import HubProblem

_CHUNK = 1 << 22
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Stopped(Exception):  # noqa: N818 - it is no error
    """Another file has failed; this one is left as it is."""


@dataclass(frozen=True)
class Place:
    """A folder to download into."""

    folder: Path
    when_full: str
    """The way out, for people, when its disk has not enough room."""


@dataclass(frozen=True)
class Job:
    """What all files of one fetch share."""

    source: Source
    commit: str
    place: Place
    """Where files appear."""
    parts: Path
    """Where incomplete files wait, on the same volume."""
    progress: Progress
    sleep: Callable[[float], None]
    stop: threading.Event

    def target(self, file: RemoteFile) -> Path:
        return self.place.folder / file.path

    def part(self, file: RemoteFile) -> Path:
        return self.parts / part_name(file, self.commit)


def part_name(file: RemoteFile, commit: str) -> str:
    """Where the file grows: named by path and content, so that a part never continues as another file."""
    content = file.sha256 or file.blob or commit
    return hashlib.sha256(f"{file.path} {content}".encode()).hexdigest()[:32] + ".part"


def fetch(file: RemoteFile, job: Job) -> None:
    """Bring the file into place. Raises HubProblem when it cannot be had, Stopped when another has failed.

    Tries count anew whenever the file has grown: a bad line must not throw away what it has delivered.
    """
    attempt, most, corrupt = 0, 0, False
    while True:
        try:
            return _fetch_once(file, job)
        except HubProblem as problem:
            if problem.reason == "CheckpointCorrupt":
                # Once more from the start: a part file may have been damaged by the crash before.
                if corrupt:
                    raise
                corrupt = True
                continue
            size = size_of(job.part(file))
            attempt = 1 if size > most else attempt + 1
            most = max(most, size)
            if not problem.transient:
                raise
            if attempt >= TRIES:
                raise HubProblem("DownloadFailed", f"{file.path}: {problem.message}", transient=True) from problem
        job.sleep(delay(attempt))


def is_in_place(file: RemoteFile, target: Path) -> bool:
    """Whether a target of the right size holds exactly this content, by the hash that the hub states."""
    if file.sha256:
        return _digest(target, hashlib.sha256()) == file.sha256
    # Small files: git's own id, where the hub tells it. Otherwise they are fetched again, they are small.
    header = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    return bool(file.blob) and _digest(target, header) == file.blob


def _fetch_once(file: RemoteFile, job: Job) -> None:
    path = job.part(file)
    if size_of(path) > (file.size or 0):
        job.progress.add(-size_of(path))
        path.unlink()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _Part(path, job) as part:
            if part.size != file.size:
                _download(file, part, job)
            sha256 = part.sha256()
        size = size_of(path)
        if size != file.size:
            raise HubProblem("DownloadFailed", f"{size} of {file.size} bytes arrived.", transient=True)
        if file.sha256 and sha256 != file.sha256:
            job.progress.add(-size)
            path.unlink()
            raise HubProblem("CheckpointCorrupt", _corrupt(file, sha256))
        job.target(file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, job.target(file))
    except OSError as error:
        raise _disk_problem(error, job.place) from error


def _download(file: RemoteFile, part: "_Part", job: Job) -> None:
    """The missing bytes. The token goes to the hub only: on its redirect to another host the HTTP client drops it."""
    headers = build_hf_headers(token=job.source.credential)
    # A compressed answer has no length, and some CDNs then ignore Range.
    headers["Accept-Encoding"] = "identity"
    url = hf_hub_url(job.source.repo, file.path, revision=job.commit, endpoint=job.source.endpoint)
    try:
        http_get(url, cast(BinaryIO, part), resume_size=part.size, headers=headers, displayed_filename=file.path)
    except (errors.HfHubHTTPError, httpx2.HTTPError) as error:
        raise problem_of(error, job.source.question(job.commit)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # http_get's consistency check: the body is not as long as its header said.
        raise HubProblem("DownloadFailed", "the hub sent fewer bytes than it said.", transient=True) from error


class _Part:
    """The part file as http_get sees it: everything written is hashed and counted.

    http_get seeks to the start and truncates when a server ignores Range; hash and count follow.
    """

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job
        self._file = path.open("ab")
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> "_Part":
        with self._path.open("rb") as earlier:
            while chunk := earlier.read(_CHUNK):
                self._hash.update(chunk)
                self.size += len(chunk)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> int:
        if self._job.stop.is_set():
            raise Stopped
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)
        self._job.progress.add(len(chunk))
        return len(chunk)

    def tell(self) -> int:
        return self.size

    def seek(self, position: int) -> int:
        if position != 0:
            raise ValueError(f"a part starts over or goes on, it does not seek to {position}")
        self._file.seek(0)
        return position

    def truncate(self) -> int:
        self._file.truncate()
        self._job.progress.add(-self.size)
        self._hash, self.size = hashlib.sha256(), 0
        return self.size

    def sha256(self) -> str:
        return self._hash.hexdigest()


def _digest(path: Path, hashed: "hashlib._Hash") -> str:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of the file; 0 where there is none, or no longer."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _corrupt(file: RemoteFile, sha256: str) -> str:
    return (
        f"{file.path} arrived with sha256 {sha256}, the hub states {file.sha256}: it was changed on its way or at "
        "its source. Check the mirror (HF_ENDPOINT) and proxies, or name another revision in spec.model.uri."
    )


def _disk_problem(error: OSError, place: Place) -> HubProblem:
    if error.errno in _DISK_FULL:
        return HubProblem("NotEnoughDisk", f"{place.folder} is full ({error.strerror}). {place.when_full}")
    return HubProblem(
        "DownloadFailed", f"Cannot write below {place.folder}: {error.strerror or error}.", transient=True
    )
