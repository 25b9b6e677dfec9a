"""Looks facts up at the model hub without ever blocking a worker.

A worker asks; the answer is there, or a thread fetches it and the key is queued again. huggingface-hub is synchronous.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelberth.planner.facts import kv_bytes_per_token
from modelberth.ports.hub import Hub, HubProblem

log = logging.getLogger(__name__)

FRESH_S = 60.0
"""Seconds an answer is used for: many deployments of one model ask once."""
RETRY_S = (5.0, 15.0, 60.0, 300.0)
"""Seconds until the hub is asked again after the first, second, ... failure."""
PARALLEL = 8


@dataclass(frozen=True)
class Question:
    """What is asked of the hub. ``revision`` None is the default branch."""

    repo: str
    revision: str | None
    config: bool
    """Whether config.json is needed too."""


@dataclass(frozen=True)
class Answer:
    """The commit and what config.json says, or the problem."""

    commit: str | None = None
    kv_bytes_per_token: int | None = None
    problem: HubProblem | None = None
    retry_s: float = 0.0


@dataclass
class _Entry:
    answer: Answer | None = None
    expires: float = 0.0
    failures: int = 0
    task: "asyncio.Task[None] | None" = None


class Lookups:
    """Answers by question. ``wake(key)`` queues a ModelDeployment whose answer arrived."""

    def __init__(self, hub: Hub, wake: Callable[[tuple[str, str]], None]) -> None:
        self._hub = hub
        self._wake = wake
        self._entries: dict[Question, _Entry] = {}
        self._waiting: dict[Question, set[tuple[str, str]]] = {}
        self._slots = asyncio.Semaphore(PARALLEL)

    def ask(self, question: Question, key: tuple[str, str]) -> Answer | None:
        """The answer, or None while it is being fetched (``key`` is woken when it is there)."""
        now = asyncio.get_running_loop().time()
        entry = self._entries.setdefault(question, _Entry())
        if entry.answer is not None and now < entry.expires:
            return entry.answer
        self._waiting.setdefault(question, set()).add(key)
        if entry.task is None:
            entry.task = asyncio.get_running_loop().create_task(self._fetch(question, entry))
        # While the hub is asked again, the last failure stays the answer: the status must not flap.
        return entry.answer if entry.answer is not None and entry.answer.problem is not None else None

    async def close(self) -> None:
        """Wakes nobody any more. Threads that still ask the hub end by its timeouts."""
        self._waiting.clear()
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, question: Question, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with self._slots:
                entry.answer = await asyncio.to_thread(self._look_up, question)
            entry.failures, entry.expires = 0, loop.time() + FRESH_S
        except HubProblem as problem:
            delay = RETRY_S[min(entry.failures, len(RETRY_S) - 1)]
            entry.failures += 1
            entry.answer, entry.expires = Answer(problem=problem, retry_s=delay), loop.time() + delay
        except Exception as error:
            log.exception("the look-up of %s failed", question.repo)
            unknown = HubProblem("HubUnreachable", f"{question.repo} could not be looked up: {error!r}", True)
            entry.answer, entry.expires = Answer(problem=unknown, retry_s=RETRY_S[-1]), loop.time() + RETRY_S[-1]
        finally:
            entry.task = None
            self._forget_stale(loop.time())
            for key in self._waiting.pop(question, set()):
                self._wake(key)

    def _look_up(self, question: Question) -> Answer:
        commit = self._hub.resolve(question.repo, question.revision)
        config: dict[str, Any] | None = self._hub.config(question.repo, commit) if question.config else None
        return Answer(commit=commit, kv_bytes_per_token=kv_bytes_per_token(config) if config else None)

    def _forget_stale(self, now: float) -> None:
        stale = [
            question
            for question, entry in self._entries.items()
            if entry.task is None and entry.answer is not None and now >= entry.expires + 2 * entry.answer.retry_s
        ]
        for question in stale:
            del self._entries[question]
