"""Facts of models as the hub told them to this process, for reviews that cannot wait for the hub.

What was learnt is used while it is learnt anew: models hardly ever change, and the operator judges again anyway.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import EngineType
from modelberth.api.uri import HubUri, parse_uri
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub import Hub, HubProblem

log = logging.getLogger(__name__)

FRESH_S = 300.0
"""Seconds after which an answer is asked for again, if anybody still wants it."""
RETRY_S = 15.0
"""The same for an answer that was a problem."""
MAX_KEPT = 200
"""Models. Each takes 10 to 100 KiB; tenants choose which."""
AT_ONCE = 4
"""Questions to the hub at the same time; beyond MAX_WAITING none is taken up."""
MAX_WAITING = 50


Question = tuple[HubUri, EngineType]
"""An engine loads some of the files only."""


@dataclass(frozen=True)
class _Known:
    files: ModelFiles
    asked: float
    problem: bool = False


class HubFacts:
    """``CachedFacts`` of public repositories; for all others the operator has to look, in its own time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: OrderedDict[Question, _Known] = OrderedDict()
        self._tasks: dict[Question, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def get(self, md: ModelDeployment) -> ModelFiles | None:
        """The newest facts, whatever their age. Of what the hub refuses: facts that only say why they are missing."""
        uri = parse_uri(md.spec.model.uri)
        # With a token the hub may say something else, and only the pods of the namespace hold it.
        if not isinstance(uri, HubUri) or md.spec.model.secret_ref is not None:
            return None
        question = (uri, md.spec.engine.type)
        known = self._known.get(question)
        if known is None or self._now() > known.asked + (RETRY_S if known.problem else FRESH_S):
            self._ask(question)
        return known.files if known else None

    async def close(self) -> None:
        """Asks no more. Threads that still wait for the hub end by its timeouts."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _ask(self, question: Question) -> None:
        if question not in self._tasks and len(self._tasks) < MAX_WAITING:
            self._tasks[question] = asyncio.get_running_loop().create_task(self._learn(question))

    async def _learn(self, question: Question) -> None:
        try:
            async with self._slots:
                self._keep(question, _Known(await asyncio.to_thread(self._look_up, *question), self._now()))
        except HubProblem as problem:
            self._keep_problem(question, problem.message)
        except Exception as error:
            log.exception("the facts of %s could not be read", question[0])
            self._keep_problem(question, f"{question[0]} could not be read: {error!r}")
        finally:
            del self._tasks[question]

    def _look_up(self, uri: HubUri, engine: EngineType) -> ModelFiles:
        return self._hub.files(uri.repo, self._hub.resolve(uri.repo, uri.revision), uri.file, engine)

    def _keep_problem(self, question: Question, message: str) -> None:
        before = self._known.get(question)
        if before is not None and not before.problem:
            # An outage of the hub makes nobody forget.
            self._keep(question, _Known(before.files, self._now()))
        else:
            self._keep(question, _Known(ModelFiles(missing=(message,)), self._now(), problem=True))

    def _keep(self, question: Question, known: _Known) -> None:
        self._known[question] = known
        self._known.move_to_end(question)
        if len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
