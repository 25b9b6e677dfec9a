"""One fetch from beginning to end: into a folder of the pod's own, or through a cache that pods share."""

from dataclasses import dataclass
from pathlib import Path

from modelberth.fetcher import links, record, snapshot
from modelberth.fetcher.cache import Cache, Question
from modelberth.fetcher.download import Place
from modelberth.fetcher.entry import Entry
from modelberth.fetcher.entry_names import is_commit
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.record import Record
from modelberth.fetcher.resolve import Source, listing, sized
from modelberth.fetcher.retries import persist
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import Unsuitable, Wish, select

_NO_CACHE = (
    "Use a node with more ephemeral storage, a smaller quantization, or a cache on a PersistentVolumeClaim: "
    "spec.weights.cache."
)


@dataclass(frozen=True)
class Fetch:
    """What all steps of one fetch need."""

    source: Source
    asked: Question
    machine: Machine
    progress: Progress


def into_folder(fetch: Fetch, folder: Path) -> Record:
    """Everything into the folder itself. Raises HubProblem."""
    asked = fetch.asked
    try:
        chosen = _ask(fetch)
    except HubProblem as problem:
        earlier = record.load(folder)
        if not problem.transient or earlier is None or not earlier.answers(asked.repo, asked.revision, asked.wish):
            raise
        fetch.progress.say(f"{problem.message} Going on with commit {earlier.commit}, as an earlier fetch chose.")
        chosen = earlier
    _download(fetch, chosen, Place(folder, _NO_CACHE))
    links.link_gguf(chosen.gguf, folder)
    return chosen


def through_cache(fetch: Fetch, root: Path, folder: Path) -> Record:
    """Everything into an entry of the cache, unless it is there, and links to it into the folder. Raises HubProblem.

    The hub is asked which commit a branch or tag is, and for the files of one that the cache does not have.
    """
    cache = Cache(root.absolute(), fetch.machine, fetch.progress)
    asked = fetch.asked
    if is_commit(asked.revision):
        return _of_entry(fetch, cache, asked.revision, folder)
    try:
        chosen = _ask(fetch)
    except HubProblem as problem:
        commit = cache.remembered(asked) if problem.transient else None
        if commit is None:
            raise
        fetch.progress.say(f"{problem.message} Going on with commit {commit}, which {asked.revision} was before.")
        return _of_entry(fetch, cache, commit, folder)
    complete = _of_entry(fetch, cache, chosen.commit, folder, chosen)
    cache.remember(asked, chosen.commit)
    return complete


def _of_entry(fetch: Fetch, cache: Cache, commit: str, folder: Path, chosen: Record | None = None) -> Record:
    """The files of a commit; ``chosen`` where the hub was asked already."""
    entry = cache.entry(fetch.asked, commit)
    with cache.locked(entry):
        complete = entry.complete()
        if complete is None:
            complete = _fill(fetch, cache, entry, chosen or _ask(fetch, commit))
        else:
            fetch.progress.say(f"Commit {commit}: {gib(complete.size)} are in the cache already, in {entry.folder}.")
        with cache.usable():
            entry.touch()
    try:
        links.link_entry(complete, entry.folder, folder)
    except OSError as error:
        raise HubProblem("DownloadFailed", f"Cannot use {folder}: {error.strerror or error}.") from error
    return complete


def _fill(fetch: Fetch, cache: Cache, entry: Entry, chosen: Record) -> Record:
    _download(fetch, chosen, Place(entry.folder, cache.when_full(entry)))
    with cache.usable():
        return entry.seal(chosen)


def _download(fetch: Fetch, chosen: Record, place: Place) -> None:
    fetch.progress.say(f"Commit {chosen.commit}: {len(chosen.files)} files, {gib(chosen.size)}, to {place.folder}.")
    snapshot.take(fetch.source, chosen, place, fetch.machine, fetch.progress)


def _ask(fetch: Fetch, commit: str | None = None) -> Record:
    """What the hub has for the question, or for the same of a commit. Raises HubProblem."""
    wanted = commit or fetch.asked.revision
    token = "with" if fetch.source.token else "without"
    hub = fetch.source.question(wanted).hub
    fetch.progress.say(f"Asking {hub} for {fetch.source.repo} at {wanted} ({token} a token).")
    return persist(lambda: _chosen(fetch.source, wanted, fetch.asked.wish), fetch.machine.sleep)


def _chosen(source: Source, wanted: str, wish: Wish) -> Record:
    listed = listing(source, wanted)
    selection = select((file.path for file in listed.files), wish)
    if isinstance(selection, Unsuitable):
        raise HubProblem(selection.reason, f"{source.repo}: {selection.message}")
    paths = set(selection.files)
    files = sized(source, listed.commit, (file for file in listed.files if file.path in paths))
    return Record(source.repo, wanted, wish, listed.commit, tuple(files), selection.gguf)
