"""All selected files of one commit into one folder: what is there stays, what is stale goes, the rest is downloaded."""

import shutil
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from modelberth.fetcher import record
from modelberth.fetcher.download import Job, Place, Stopped, fetch, is_in_place, part_name, size_of
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.record import Record
from modelberth.fetcher.resolve import RemoteFile, Source
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import is_plain

_PARTS = ".fetch"
_WORKERS = 4
_SPARE_BYTES = 16 << 20
"""Left free: directories, the record and what file systems need for themselves."""


def take(source: Source, wanted: Record, place: Place, machine: Machine, progress: Progress) -> None:
    """Download and verify. Raises HubProblem; what arrived until then stays for the next try."""
    folder = place.folder
    progress.enter("Downloading", wanted.commit)
    job = Job(
        source=source,
        commit=wanted.commit,
        place=place,
        parts=folder / _PARTS,
        progress=progress,
        sleep=machine.sleep,
        stop=threading.Event(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _tidy(wanted, job)
        present = present_bytes(wanted, folder)
        _check_disk(wanted.size - present, machine, place)
    except OSError as error:
        raise HubProblem("DownloadFailed", f"Cannot use {folder}: {error.strerror or error}.") from error
    progress.begin(wanted.size, present)
    with progress:
        _fetch_all(wanted.files, job)
    shutil.rmtree(job.parts, ignore_errors=True)


def _tidy(wanted: Record, job: Job) -> None:
    """Take away what an earlier fetch left that this commit does not have, then record what will be here."""
    earlier = record.load(job.place.folder)
    kept = {file.path for file in wanted.files if is_here(file, job.place.folder)}
    for file in (*(earlier.files if earlier else ()), *wanted.files):
        # The record lies in a folder that others write too: its paths are as untrusted as the hub's.
        if file.path not in kept and is_plain(file.path):
            job.target(file).unlink(missing_ok=True)
    parts = {job.part(file) for file in wanted.files}
    for part in job.parts.glob("*"):
        if part not in parts:
            part.unlink()
    record.save(wanted, job.place.folder)


def present_bytes(wanted: Record, folder: Path) -> int:
    """Bytes of the record's files that are in the folder already; files of the right size are verified later."""
    return sum(_present(file, wanted.commit, folder) for file in wanted.files)


def is_here(file: RemoteFile, folder: Path) -> bool:
    """Whether the folder has a file of that name and size."""
    try:
        found = (folder / file.path).lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == file.size


def _present(file: RemoteFile, commit: str, folder: Path) -> int:
    if is_here(file, folder):
        return file.size or 0
    return size_of(folder / _PARTS / part_name(file, commit))


def _check_disk(missing: int, machine: Machine, place: Place) -> None:
    free = machine.free_bytes(place.folder)
    if missing > 0 and missing + _SPARE_BYTES > free:
        raise HubProblem(
            "NotEnoughDisk",
            f"{gib(missing)} are still to be downloaded, {gib(free)} are free in {place.folder}. {place.when_full}",
        )


def _fetch_all(files: Sequence[RemoteFile], job: Job) -> None:
    """Several files at a time, large ones first; the first failure stops the others and is raised."""
    ordered = sorted(files, key=lambda file: -(file.size or 0))
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="fetch") as pool:
        running = [pool.submit(_fetch_or_keep, file, job) for file in ordered]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            # Also on Ctrl-C: leaving the pool waits for its threads.
            job.stop.set()
    failed = [error for future in running if (error := future.exception())]
    for error in sorted(failed, key=lambda error: isinstance(error, Stopped)):
        raise error


def _fetch_or_keep(file: RemoteFile, job: Job) -> None:
    if job.stop.is_set():
        raise Stopped
    target = job.target(file)
    if is_here(file, job.place.folder):
        if is_in_place(file, target):
            return
        # The old content goes first: the disk was checked for one copy, not two.
        target.unlink()
        job.progress.add(-(file.size or 0))
    fetch(file, job)
