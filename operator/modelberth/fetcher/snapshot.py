"""All selected files of one commit into one folder: what is there stays, what is stale goes, the rest is downloaded."""

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from modelberth.fetcher import record
from modelberth.fetcher.download import Job, Stopped, fetch, is_in_place
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.record import Record
from modelberth.fetcher.report import Fetched
from modelberth.fetcher.resolve import RemoteFile, Source
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import is_plain

_PARTS = ".fetch"
_WORKERS = 4
_SPARE_BYTES = 16 << 20
"""Left free: directories, the record and what file systems need for themselves."""
GGUF_LINK = "model.gguf"
Say = Callable[[str], None]
"""Takes one line for people."""


def take(source: Source, wanted: Record, folder: Path, machine: Machine, say: Say) -> Fetched:
    """Download and verify. Raises HubProblem; what arrived until then stays for the next try."""
    progress = Progress(say)
    job = Job(
        source=source,
        commit=wanted.commit,
        folder=folder,
        parts=folder / _PARTS,
        progress=progress,
        sleep=machine.sleep,
        stop=threading.Event(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _tidy(wanted, job)
        present = sum(_present(file, job) for file in wanted.files)
        _check_disk(wanted.size - present, machine, folder)
    except OSError as error:
        raise HubProblem("DownloadFailed", f"Cannot use {folder}: {error.strerror or error}.") from error
    progress.begin(wanted.size, present)
    with progress:
        _fetch_all(wanted.files, job)
    shutil.rmtree(job.parts, ignore_errors=True)
    _link(wanted.gguf, folder)
    return Fetched(commit=wanted.commit, files=len(wanted.files), bytes=wanted.size)


def _tidy(wanted: Record, job: Job) -> None:
    """Take away what an earlier fetch left that this commit does not have, then record what will be here."""
    earlier = record.load(job.folder)
    kept = {file.path for file in wanted.files if _has_right_size(file, job.target(file))}
    for file in (*(earlier.files if earlier else ()), *wanted.files):
        # The record lies in a folder that others write too: its paths are as untrusted as the hub's.
        if file.path not in kept and is_plain(file.path):
            job.target(file).unlink(missing_ok=True)
    parts = {job.part(file) for file in wanted.files}
    for part in job.parts.glob("*"):
        if part not in parts:
            part.unlink()
    record.save(wanted, job.folder)


def _present(file: RemoteFile, job: Job) -> int:
    """Bytes of the file that are on the volume already; files of the right size are verified later."""
    if _has_right_size(file, job.target(file)):
        return file.size or 0
    part = job.part(file)
    return part.stat().st_size if part.exists() else 0


def _has_right_size(file: RemoteFile, target: Path) -> bool:
    return target.is_file() and not target.is_symlink() and target.stat().st_size == file.size


def _check_disk(missing: int, machine: Machine, folder: Path) -> None:
    free = machine.free_bytes(folder)
    if missing > 0 and missing + _SPARE_BYTES > free:
        raise HubProblem(
            "NotEnoughDisk",
            f"{gib(missing)} are still to be downloaded, {gib(free)} are free in {folder}. Use a node with more "
            "ephemeral storage, a smaller quantization, or a PersistentVolumeClaim: spec.model.uri pvc://claim/path.",
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
    if _has_right_size(file, target):
        if is_in_place(file, target):
            return
        # The old content goes first: the disk was checked for one copy, not two.
        target.unlink()
        job.progress.add(-(file.size or 0))
    fetch(file, job)


def _link(gguf: str | None, folder: Path) -> None:
    """DIR/model.gguf, the path that the engine's command line knows before the repository is."""
    if gguf is None or gguf == GGUF_LINK:
        return
    link = folder / GGUF_LINK
    link.unlink(missing_ok=True)
    link.symlink_to(gguf)
