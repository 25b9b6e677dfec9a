"""gather -> decide -> apply -> tell, for one ModelDeployment. Level-triggered: it reads the store, not an event."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modelberth.api.engine_facts import Version
from modelberth.api.meta import API_VERSION, KIND
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.capacity import Capacity
from modelberth.manifests.children import built, engine_image, engine_version
from modelberth.manifests.facts import Facts, inputs_of
from modelberth.manifests.settings import Settings
from modelberth.planner.policy import overruled
from modelberth.ports.kube import ApiError, Kube
from modelberth.reconcile.checks.chain import check_pods_at
from modelberth.reconcile.counts import pods_of
from modelberth.reconcile.downloads import Downloads
from modelberth.reconcile.events import events_of
from modelberth.reconcile.facts import hub_question, unread, wanting
from modelberth.reconcile.facts_pod import Step
from modelberth.reconcile.judged import Judge
from modelberth.reconcile.lookups import Answer
from modelberth.reconcile.observed import Observed, Raw, View, gather
from modelberth.reconcile.older import scalable
from modelberth.reconcile.plans import Plans
from modelberth.reconcile.prefetch import Prefetch, alone
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.readings import FIRST_WORD_S, Readings
from modelberth.reconcile.refusal import rejection
from modelberth.reconcile.rollout import (
    Rollout,
    after_rollback,
    newest,
    roll_back,
    rolled_back,
    rollout_of,
    upgrade_failed,
    whole,
)
from modelberth.reconcile.running import carried, question_of
from modelberth.reconcile.sizing import Sizing
from modelberth.reconcile.sources import Sources
from modelberth.reconcile.status import status_of, urgent
from modelberth.reconcile.timers import Timers
from modelberth.reconcile.upgrades import Upgrades
from modelberth.reconcile.verdict import EngineRun, Verdict
from modelberth.reconcile.weights import going_on, weights_status
from modelberth.reconcile.writer import Writer

log = logging.getLogger(__name__)

SETTLE_S = 5.0
"""Seconds that a change of mere numbers waits for company before it is written."""
PATIENCE_S = 3.0
"""Seconds that a look-up may take before the status says that it is under way."""
CONFLICT_RETRY_S = 30.0
DELETED_RETRY_S = 5.0
"""What is deleted before the first list of a watch comes back is no event."""
REJECTED_RETRY_S = 60.0
Key = tuple[str, str]


@dataclass(frozen=True)
class World:
    """The outside, handed in."""

    kube: Kube
    view: View
    sources: Sources
    readings: Readings
    sizing: Sizing
    downloads: Downloads
    prefetch: Prefetch
    upgrades: Upgrades
    settings: Settings
    now: Callable[[], str]
    """RFC 3339 with microseconds, UTC."""
    instance: str
    """Name of this operator pod, for Events."""


@dataclass
class Reconciler:
    """Called by the queue, at most once at a time per key."""

    world: World
    judge: Judge = field(default_factory=Judge)
    plans: Plans = field(default_factory=Plans)
    writer: Writer = field(init=False)
    _pending: Timers = field(default_factory=Timers)
    """When the look-up of a key may be told, in the event loop's time."""
    _measuring: Timers = field(default_factory=Timers)
    """How long the first word of an engine that answers may be waited for."""
    _unwritten: Timers = field(default_factory=Timers)
    """When a status that changed in mere numbers must be written."""

    def __post_init__(self) -> None:
        self.writer = Writer(self.world.kube, self.world.view)

    async def reconcile(self, key: Key) -> float | None:
        """Seconds after which to look again without an event; None where the watches suffice."""
        observed = gather(self.world.view, *key)
        if observed is None:
            for timers in (self._pending, self._unwritten, self._measuring):
                timers.forget(key)
            self.world.sources.forget(key)
            self.world.readings.forget(key)
            self.world.downloads.forget(key)
            self.world.sizing.forget(key)
            self.world.upgrades.done(key)
            self.writer.settled.forget(key)
            return None
        self._keep_place(key, observed)
        md = self.judge.parse(observed.resource, self.world.settings)
        if isinstance(md, Problem):
            return await self._tell(key, Verdict(None, observed, md))
        frozen = observed.frozen
        if frozen is not None and rolled_back(md, observed):
            return await self._converge(key, md, frozen.facts, observed)
        if frozen is not None and frozen.inputs == inputs_of(md) and not unread(md, observed):
            facts, again = self._completed(key, md, frozen.facts)
            return _sooner(again, await self._converge(key, md, facts, observed))
        answer = await self.world.sources.read(key, md, observed)
        if answer is None:
            return await self._wait(key, md, observed)
        self._pending.forget(key)
        if isinstance(answer, Step):
            again = DELETED_RETRY_S if answer.act == "delete" else None
            return _sooner(again, await self._refuse(key, md, Verdict(md, observed, answer.problem, self._engine(md))))
        if answer.problem is not None:
            problem = Problem(answer.problem.reason, answer.problem.message, stalled=not answer.problem.transient)
            planned = self.plans.of(md, self._version(md), replace(answer, unread=answer.problem))
            verdict = Verdict(md, observed, problem, self._engine(md), planned=planned)
            return _sooner(answer.retry_s, await self._refuse(key, md, verdict))
        return await self._plan(key, md, answer, observed)

    async def _plan(self, key: Key, md: ModelDeployment, answer: Answer, observed: Observed) -> float | None:
        """Builds pods of what fits, or says why there are none."""
        planned = self.plans.of(md, self._version(md), answer)
        if planned.status == "False" and not overruled(observed.resource["metadata"]):
            problem = Problem(planned.reason, planned.message, stalled=True)
            # What an older revision says of itself stays while it serves.
            verdict = Verdict(
                md, observed, problem, self._engine(md), answer.commit, planned, capacity=carried(observed)
            )
            return await self._refuse(key, md, verdict)
        return await self._converge(key, md, Facts(planned, answer.commit), observed)

    def _completed(self, key: Key, md: ModelDeployment, facts: Facts) -> tuple[Facts, float | None]:
        """The facts of the pods, with a plan that could not be made when they were built, or when to ask for it again.

        What the pods were started with stays: facts that arrive late never roll them.
        """
        question = hub_question(md, facts.commit) if wanting(facts) else None
        answer = self.world.sources.ask(question, key) if question else None
        if answer is None:
            return facts, None
        if answer.problem or answer.unread:
            return facts, answer.retry_s
        planned = self.plans.of(md, self._version(md), answer)
        return replace(facts, planned=replace(planned, launch=facts.planned.launch)), None

    async def _wait(self, key: Key, md: ModelDeployment, observed: Observed) -> float | None:
        if wait := self._pending.left(key, PATIENCE_S):
            return wait
        problem = Problem("ResolvingModel", "The model hub is being asked for the model's revision.", stalled=False)
        return await self._refuse(key, md, Verdict(md, observed, problem, self._engine(md)))

    async def _refuse(self, key: Key, md: ModelDeployment, verdict: Verdict) -> float | None:
        """Tells why the newest spec is not built (yet); what an older one built goes on, and is scaled."""
        observed = verdict.observed
        if not scalable(md, observed):
            return await self._tell(key, verdict)
        plan = observed.frozen.facts.planned.record if observed.frozen else {}
        size = self.world.sizing.of(key, md, observed, plan)
        await self.writer.resize(md, observed, size)
        observed = gather(self.world.view, *key) or observed
        return _sooner(size.again_s, await self._tell(key, replace(verdict, observed=observed, size=size)))

    async def _converge(self, key: Key, md: ModelDeployment, facts: Facts, observed: Observed) -> float | None:
        again: float | None = None
        size = self.world.sizing.of(key, md, observed, facts.planned.record)
        rollout = self._rollout(key, md, facts, observed)
        facts = rollout.revision.facts
        try:
            problem = await self.writer.write(key, md, rollout, size)
            problem = problem or await self.world.prefetch.tend(md, facts, gather(self.world.view, *key) or observed)
            if problem is not None:
                again = CONFLICT_RETRY_S
        except ApiError as error:
            if error.transient:
                raise
            if error.namespace_ends:
                return None
            problem = rejection(error)
            again = REJECTED_RETRY_S
        observed = gather(self.world.view, *key) or observed
        judged = newest(observed) if rollout.rolled_back else alone(observed) or observed
        weights = weights_status(md, observed, self.world.downloads.ask(key, observed))
        checked = check_pods_at(going_on(judged, weights), self.world.now())
        again = _sooner(again, checked.again_s)
        problem = problem or checked.problem or after_rollback(rollout.history.failure)
        capacity, wait = self._measure(key, md, observed)
        again = _sooner(again, size.again_s)
        if wait and problem is None:
            return _sooner(again, wait)
        verdict = Verdict(
            md,
            observed,
            problem,
            self._engine(md, rollout),
            facts.commit,
            facts.planned,
            weights=weights,
            capacity=capacity,
            size=size,
            rollout=rollout,
        )
        return _sooner(again, await self._tell(key, verdict))

    def _keep_place(self, key: Key, observed: Observed) -> None:
        """An upgrade has its place until all its pods answer, whatever has become of the spec meanwhile."""
        granted = observed.frozen is not None and observed.frozen.granted
        if upgrade_failed(observed):
            self.world.upgrades.running(key)
        elif whole(observed):
            self.world.upgrades.done(key)
        elif granted:
            self.world.upgrades.running(key)

    def _rollout(self, key: Key, md: ModelDeployment, facts: Facts, observed: Observed) -> Rollout:
        """Which revision runs; the one before, where this one has just turned out to fail."""
        if observed.history.last_good is not None and pods_of(observed).seen:
            checked = check_pods_at(newest(observed), self.world.now())
            if (back := roll_back(md, observed, checked.problem)) is not None:
                return back
        fresh = built(md, facts, self.world.settings)
        kept = rollout_of(md, observed, fresh, granted=False)
        upgrades, complete = self.world.upgrades, whole(observed)
        if not kept.upgrade_available or not complete or not upgrades.may(key):
            return kept
        return rollout_of(md, observed, fresh, granted=True)

    def _measure(self, key: Key, md: ModelDeployment, observed: Observed) -> tuple[Capacity | None, float]:
        """What the engine says of its KV cache, and the seconds that it is worth waiting for."""
        question = None if carried(observed) else question_of(md, observed)
        reading = self.world.readings.ask(question, key) if question else None
        if question is None or reading is not None:
            self._measuring.forget(key)
            return carried(observed) or (reading.capacity if reading else None), 0.0
        return None, self._measuring.left(key, FIRST_WORD_S)

    async def _tell(self, key: Key, verdict: Verdict) -> float | None:
        observed = verdict.observed
        if not verdict.weights:
            # Nothing is said of a download: its pods are of an older spec, if there are any.
            self.world.downloads.forget(key)
        now = self.world.now()
        status = status_of(verdict, now)
        old = observed.status
        if status == old:
            self._unwritten.forget(key)
            return None
        if old and not urgent(status, old) and (wait := self._unwritten.left(key, SETTLE_S)):
            return wait
        self._unwritten.forget(key)
        meta = observed.resource["metadata"]
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            "status": status,
        }
        try:
            written = await self.world.kube.apply(body, "status")
        except ApiError as error:
            if error.status == 404:
                return None  # deleted meanwhile
            raise
        self.world.view.remember(KIND, written)
        for event in events_of(observed.resource, old, status, now, self.world.instance):
            await self._post(event)
        # The answer may bring a spec that was changed meanwhile; what the watch tells of it is then no news.
        return None if written["metadata"].get("generation") == observed.resource["metadata"].get("generation") else 0.0

    async def _post(self, event: Raw) -> None:
        try:
            await self.world.kube.create(event)
        except ApiError as error:
            # An Event is a courtesy: a full or closing namespace must not hold up the work.
            log.info("event not recorded: %s", error.message, extra={"key": _key(event)})

    def _engine(self, md: ModelDeployment, rollout: Rollout | None = None) -> EngineRun:
        """The engine of the pods that run; before there are any, that of those that would be made."""
        image = rollout.engine_image if rollout else engine_image(md, self.world.settings)
        version, known = engine_version(md, image)
        return EngineRun(image, ".".join(map(str, version)), not known)

    def _version(self, md: ModelDeployment) -> tuple[Version, bool]:
        return engine_version(md, engine_image(md, self.world.settings))


def _key(event: Raw) -> Key:
    return event["regarding"]["namespace"], event["regarding"]["name"]


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((delay for delay in (one, other) if delay is not None), default=None)
