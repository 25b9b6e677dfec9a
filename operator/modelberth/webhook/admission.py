"""Answers one admission request in bounded time, from facts that are at hand.

Whatever goes wrong here, the write goes through: the operator judges it again and its status says what it finds.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.planner.plan import Plan
from modelberth.planner.request import PlanRequest
from modelberth.webhook.judgement import (
    ALLOWED,
    FACTS_MISSING,
    judge_plan,
    judge_spec,
    matters,
    plan_request,
    unplannable,
)
from modelberth.webhook.metrics import WebhookMetrics
from modelberth.webhook.review import Raw, Review, Verdict, answer, read_review

log = logging.getLogger(__name__)

DEADLINE_S = 1.5
"""Seconds for one request. The API server waits for two; the rest is for the network."""
AT_ONCE = 8
"""Requests that are held at once. Each may be megabytes of JSON, and any pod of the cluster can send some."""

LATE = Verdict(
    warnings=("there was no time to judge this: its status will say what is wrong, if anything",), judged=False
)
FAILED = Verdict(warnings=("this could not be judged: its status will say what is wrong, if anything",), judged=False)

Planner = Callable[[PlanRequest], Plan]


class CachedFacts(Protocol):
    """What is known of models, without asking anybody while the API server waits."""

    def get(self, md: ModelDeployment) -> ModelFiles | None:
        """The facts, or None. Those that are missing are asked for in the background, for the next time."""
        ...


@dataclass
class Admission:
    """Judges requests, all from one event loop."""

    settings: Settings
    facts: CachedFacts
    plan: Planner
    metrics: WebhookMetrics
    # A thread of its own: those of asyncio.to_thread may all wait for the model hub.
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "webhook"))
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def review(self, receive: Callable[[], Awaitable[bytes]]) -> Raw:
        """The answer to the AdmissionReview that ``receive`` brings.

        Raises ValueError where it is none, TimeoutError where it did not come in time.
        """
        started, result = time.monotonic(), "error"
        try:
            review, verdict = await self._reviewed(receive)
            result = "error" if verdict is FAILED else verdict.result
            return answer(review, verdict)
        finally:
            self.metrics.reviewed(result, time.monotonic() - started)

    async def _reviewed(self, receive: Callable[[], Awaitable[bytes]]) -> tuple[Review, Verdict]:
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        async with self._slots:
            async with asyncio.timeout_at(deadline):
                review = read_review(await receive())
            try:
                async with asyncio.timeout_at(deadline):
                    verdict = await self._judge(review)
            except TimeoutError:
                log.warning("admission took too long, allowed", extra={"key": review.key})
                verdict = LATE
            except Exception:
                log.exception("admission failed, allowed", extra={"key": review.key})
                verdict = FAILED
        if not verdict.allowed:
            log.info("refused: %s", "; ".join(map(str, verdict.findings)), extra={"key": review.key})
        return review, verdict

    async def _judge(self, review: Review) -> Verdict:
        if not matters(review):
            return ALLOWED
        md = judge_spec(review, self.settings)
        if isinstance(md, Verdict):
            return md
        if (verdict := unplannable(md)) is not None:
            return verdict
        files = self.facts.get(md)
        if files is None:
            return FACTS_MISSING
        # Looking for advice plans many times over; neither the deadline nor the event loop may depend on it.
        request = plan_request(md, files, self.settings)
        plan = await asyncio.get_running_loop().run_in_executor(self._thread, self.plan, request)
        return judge_plan(md, plan)

    def close(self) -> None:
        """Plans that were begun are not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
