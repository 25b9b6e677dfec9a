"""All selected files of one commit into one folder: what is there stays, what is stale goes, the rest is downloaded."""

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from modelberth.fetcher.download import Job, Stopped, fetch, is_in_place
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.report import Fetched
from modelberth.fetcher.resolve import RemoteFile, Source
from modelberth.ports.hub_problems import HubProblem

_PARTS = ".fetch"
_RECORD = ".modelberth-fetch.json"
"""Lists what was downloaded, so that a later commit takes away what it no longer has. Nobody else's file is touched."""
_WORKERS = 4
_SPARE_BYTES = 16 << 20
"""Left free: directories, the record, and what file systems need for themselves."""
GGUF_LINK = "model.gguf"
Say = Callable[[str], None]
"""Takes one line for people."""


@dataclass(frozen=True)
class Snapshot:
    """What to bring where."""

    source: Source
    commit: str
    files: Sequence[RemoteFile]
    """With their sizes known."""
    folder: Path
    gguf: str | None = None
    """The file that DIR/model.gguf leads to."""


def take(snapshot: Snapshot, machine: Machine, say: Say) -> Fetched:
    """Download and verify. Raises HubProblem; what arrived until then stays for the next try."""
    folder = snapshot.folder
    total = sum(file.size or 0 for file in snapshot.files)
    progress = Progress(say)
    job = Job(
        source=snapshot.source,
        commit=snapshot.commit,
        folder=folder,
        parts=folder / _PARTS,
        progress=progress,
        sleep=machine.sleep,
        stop=threading.Event(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _tidy(snapshot, job)
        present = sum(_present(file, job) for file in snapshot.files)
        _check_disk(total - present, machine, folder)
    except OSError as error:
        raise HubProblem("DownloadFailed", f"Cannot use {folder}: {error.strerror or error}.") from error
    progress.begin(total, present)
    with progress:
        _fetch_all(snapshot.files, job)
    shutil.rmtree(job.parts, ignore_errors=True)
    _link(snapshot)
    return Fetched(commit=snapshot.commit, files=len(snapshot.files), bytes=total)


def _tidy(snapshot: Snapshot, job: Job) -> None:
    """Take away what an earlier fetch left that this commit does not have, then record what will be here."""
    record = snapshot.folder / _RECORD
    wanted = {file.path for file in snapshot.files}
    try:
        earlier = json.loads(record.read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        earlier = []
    for path in earlier:
        if isinstance(path, str) and path not in wanted and ".." not in path and not path.startswith("/"):
            (snapshot.folder / path).unlink(missing_ok=True)
    for file in snapshot.files:
        if not _has_right_size(file, job.target(file)):
            job.target(file).unlink(missing_ok=True)
    parts = {job.part(file) for file in snapshot.files}
    for part in job.parts.glob("*"):
        if part not in parts:
            part.unlink()
    text = {"repo": snapshot.source.repo, "commit": snapshot.commit, "files": sorted(wanted)}
    record.write_text(json.dumps(text, indent=1))


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
        done, waiting = wait(running, return_when=FIRST_EXCEPTION)
        if waiting or any(future.exception() for future in done):
            job.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    failed = [error for future in running if not future.cancelled() and (error := future.exception())]
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


def _link(snapshot: Snapshot) -> None:
    """DIR/model.gguf, the path that the engine's command line knows before the repository is."""
    if snapshot.gguf is None or snapshot.gguf == GGUF_LINK:
        return
    link = snapshot.folder / GGUF_LINK
    link.unlink(missing_ok=True)
    link.symlink_to(snapshot.gguf)
