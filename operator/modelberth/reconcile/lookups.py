"""Looks facts up at the model hub without ever blocking a worker.

A worker asks; the answer is there, or a thread fetches it and the key is queued again. huggingface-hub is synchronous.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modelberth.api.spec import EngineType
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub import Hub, HubProblem

log = logging.getLogger(__name__)

FRESH_S = 60.0
"""Seconds an answer is used for: many deployments of one model ask once."""
RETRY_S = (5.0, 15.0, 60.0, 300.0)
"""Seconds until the hub is asked again after the first, second, ... failure."""
PARALLEL = 8
MAX_KEPT = 2000
"""Commits whose files are remembered: a kilobyte or two each."""

MAX_UNAWAITED = 50
"""Questions under way beyond which nothing is asked that nobody waits for."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Question:
    """What is asked of the hub. ``revision`` None is the default branch."""

    repo: str
    revision: str | None
    file: str | None = None
    """The one file that is served (GGUF)."""
    engine: EngineType | None = None
    """Whose files are read; None: only the commit is asked for."""


@dataclass(frozen=True)
class Answer:
    """The commit and what its files say, or the problem."""

    commit: str | None = None
    files: ModelFiles = field(default_factory=ModelFiles)
    unread: HubProblem | None = None
    """Why the files could not be read, although the commit is known."""
    problem: HubProblem | None = None
    """Why not even the commit is known."""
    retry_s: float = 0.0
    """Seconds until the hub is asked again after a failure."""


@dataclass
class _Entry:
    answer: Answer | None = None
    expires: float = 0.0
    failures: int = 0
    task: "asyncio.Task[None] | None" = None

    @property
    def failed(self) -> bool:
        return self.answer is not None and (self.answer.problem or self.answer.unread) is not None


class Lookups:
    """Answers by question. ``wake(key)`` queues a ModelDeployment whose answer arrived."""

    def __init__(self, hub: Hub, wake: Callable[[Key], None] = lambda key: None) -> None:
        self._hub = hub
        self.wake = wake
        self._entries: dict[Question, _Entry] = {}
        self._waiting: dict[Question, set[Key]] = {}
        self._slots = asyncio.Semaphore(PARALLEL)
        self._commits: OrderedDict[Question, str] = OrderedDict()
        """What each revision was when it was last looked up."""
        self._files: OrderedDict[Question, str] = OrderedDict()
        """Encoded files by question whose revision is a commit: they never change."""

    def ask(self, question: Question, key: Key) -> Answer | None:
        """The answer, or None while it is being fetched (``key`` is woken when it is there)."""
        # A commit never changes: what was read of it needs no hub.
        if text := self._files.get(question):
            return Answer(question.revision, ModelFiles.decode(text))
        entry = self._asked(question)
        if entry.answer is not None and asyncio.get_running_loop().time() < entry.expires:
            return entry.answer
        self._waiting.setdefault(question, set()).add(key)
        self._start(question, entry)
        # While the hub is asked again, the last failure stays the answer: the status must not flap.
        return entry.answer if entry.failed else None

    def remembered(self, question: Question) -> ModelFiles | None:
        """The files as they were last read, without waiting; where there are none, the hub is asked meanwhile."""
        commit = self._commits.get(question)
        text = self._files.get(replace(question, revision=commit)) if commit else None
        entry = self._entries.get(question)
        if entry is None or asyncio.get_running_loop().time() >= entry.expires:
            running = sum(each.task is not None for each in self._entries.values())
            # Whoever may write ModelDeployments chooses how much is asked here.
            if running < MAX_UNAWAITED:
                self._start(question, self._asked(question))
        return ModelFiles.decode(text) if text is not None else None

    async def close(self) -> None:
        """Wakes nobody any more. Threads that still ask the hub end by its timeouts."""
        self._waiting.clear()
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self, question: Question) -> _Entry:
        return self._entries.setdefault(question, _Entry())

    def _start(self, question: Question, entry: _Entry) -> None:
        if entry.task is None:
            entry.task = asyncio.get_running_loop().create_task(self._fetch(question, entry))

    async def _fetch(self, question: Question, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        delay = RETRY_S[min(entry.failures, len(RETRY_S) - 1)]
        try:
            async with self._slots:
                entry.answer = await asyncio.to_thread(self._look_up, question, delay)
        except HubProblem as problem:
            entry.answer = Answer(problem=problem, retry_s=delay)
        except Exception as error:
            log.exception("the look-up of %s failed", question.repo)
            unknown = HubProblem("HubUnreachable", f"{question.repo} could not be looked up: {error!r}", True)
            entry.answer = Answer(problem=unknown, retry_s=RETRY_S[-1])
        finally:
            entry.task = None
            if entry.answer is not None:
                self._settle(question, entry, entry.answer, loop.time())
            for key in self._waiting.pop(question, set()):
                self.wake(key)

    def _settle(self, question: Question, entry: _Entry, answer: Answer, now: float) -> None:
        entry.failures = entry.failures + 1 if entry.failed else 0
        entry.expires = now + (answer.retry_s if entry.failed else FRESH_S)
        if answer.commit is not None and question.engine and answer.unread is None:
            _keep(self._commits, question, answer.commit)
            _keep(self._files, replace(question, revision=answer.commit), answer.files.encode())
        stale = [
            each
            for each, old in self._entries.items()
            if old.task is None and old.answer is not None and now >= old.expires + 2 * old.answer.retry_s
        ]
        for each in stale:
            del self._entries[each]

    def _look_up(self, question: Question, delay: float) -> Answer:
        commit = self._hub.resolve(question.repo, question.revision)
        if not question.engine:
            return Answer(commit)
        if known := self._files.get(replace(question, revision=commit)):
            return Answer(commit, ModelFiles.decode(known))
        try:
            return Answer(commit, self._hub.files(question.repo, commit, question.file, question.engine))
        except HubProblem as problem:
            if not problem.transient:
                # Files that need a token, or that nothing can be made of: the fetcher would fail on them too.
                raise
            return Answer(commit, unread=problem, retry_s=delay)


def _keep(kept: OrderedDict[Question, str], question: Question, value: str) -> None:
    kept[question] = value
    kept.move_to_end(question)
    if len(kept) > MAX_KEPT:
        kept.popitem(last=False)
