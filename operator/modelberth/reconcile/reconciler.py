"""gather -> decide -> apply -> tell, for one ModelDeployment. Level-triggered: it reads the store, not an event."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from modelberth.api.meta import API_VERSION, KIND
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.catalogue import ENGINES
from modelberth.manifests.children import children, engine_image
from modelberth.manifests.facts import Facts
from modelberth.manifests.settings import Settings
from modelberth.ports.kube import ApiError, Kube
from modelberth.reconcile.actions import Action, Settled, decide
from modelberth.reconcile.events import events_of
from modelberth.reconcile.facts import facts_for
from modelberth.reconcile.judged import Judge
from modelberth.reconcile.lookups import Answer, Lookups
from modelberth.reconcile.observed import Observed, Raw, View, gather, owned_by
from modelberth.reconcile.pod_checks import check_pods, reported_commit
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.status import EngineRun, Verdict, status_of, urgent

log = logging.getLogger(__name__)

SETTLE_S = 5.0
"""Seconds that a change of mere numbers waits for company before it is written."""
PATIENCE_S = 3.0
"""Seconds that a look-up may take before the status says that it is under way."""
CONFLICT_RETRY_S = 30.0
REJECTED_RETRY_S = 60.0
LARGE_OR_FIRST = ("ConfigMap", "Deployment")
"""A pin must be there before the pods that read it."""
BUILDING = 16
"""ModelDeployments whose manifests are built and compared at once: a Deployment takes 100 KiB meanwhile."""

Key = tuple[str, str]


@dataclass(frozen=True)
class World:
    """The outside, handed in."""

    kube: Kube
    view: View
    lookups: Lookups
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
    settled: Settled = field(default_factory=Settled)
    _building: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BUILDING))
    _pending: dict[Key, float] = field(default_factory=dict)
    """When the look-up of a key may be told, in the event loop's time."""
    _unwritten: dict[Key, float] = field(default_factory=dict)
    """When a status that changed in mere numbers must be written."""

    async def reconcile(self, key: Key) -> float | None:
        """Seconds after which to look again without an event; None where the watches suffice."""
        observed = gather(self.world.view, *key)
        if observed is None:
            self._pending.pop(key, None)
            self._unwritten.pop(key, None)
            self.settled.forget(key)
            return None
        md = self.judge.parse(observed.resource, self.world.settings)
        if isinstance(md, Problem):
            return await self._tell(key, Verdict(None, observed, md))
        looked_up = facts_for(md, observed, lambda question: self.world.lookups.ask(question, key))
        if looked_up is None:
            return await self._wait(key, md, observed)
        self._pending.pop(key, None)
        engine = self._engine(md)
        if isinstance(looked_up, Answer):
            problem = _hub_problem(looked_up)
            again = await self._tell(key, Verdict(md, observed, problem, engine))
            return looked_up.retry_s if again is None else min(again, looked_up.retry_s)
        return await self._converge(key, md, looked_up, observed)

    async def _wait(self, key: Key, md: ModelDeployment, observed: Observed) -> float | None:
        if wait := _left(self._pending, key, PATIENCE_S):
            return wait
        problem = Problem("ResolvingModel", "The model hub is being asked for the model's revision.", stalled=False)
        return await self._tell(key, Verdict(md, observed, problem, self._engine(md)))

    async def _converge(self, key: Key, md: ModelDeployment, facts: Facts, observed: Observed) -> float | None:
        commit = facts.commit or self._private_commit(md, observed)
        pinned = commit if facts.commit is None and md.spec.model.secret_ref is not None else None
        again: float | None = None
        try:
            problem = await self._write(key, md, facts, pinned)
            if problem is not None:
                again = CONFLICT_RETRY_S
        except ApiError as error:
            if error.transient:
                raise
            if error.namespace_ends:
                return None
            problem = _rejection(error)
            again = REJECTED_RETRY_S
        observed = gather(self.world.view, *key) or observed
        problem = problem or check_pods(observed)
        told = await self._tell(key, Verdict(md, observed, problem, self._engine(md), commit))
        return min((delay for delay in (again, told) if delay is not None), default=None)

    async def _write(self, key: Key, md: ModelDeployment, facts: Facts, pinned: str | None) -> Problem | None:
        """Makes the children what they should be, or says which name is taken."""
        async with self._building:
            observed = gather(self.world.view, *key)
            if observed is None:
                return None
            desired = children(md, facts, self.world.settings, pinned)
            problem = await self._conflict(desired, observed)
            if problem is not None:
                return problem
            actions = decide(desired, gather(self.world.view, *key) or observed, self.settled)
            del desired
            small = [action for action in actions if action.manifest["kind"] not in LARGE_OR_FIRST]
            await self._act([action for action in actions if action.manifest["kind"] in LARGE_OR_FIRST])
            del actions
        # Nothing large is held any more: in a burst these wait for cluster IPs by the hundred.
        await self._act(small)
        return None

    async def _act(self, actions: list[Action]) -> None:
        for action in actions:
            kind = action.manifest["kind"]
            meta = action.manifest["metadata"]
            if action.verb == "apply":
                applied = await self.world.kube.apply(action.manifest)
                self.world.view.remember(kind, applied)
                self.settled.mark(applied, kind)
                log.info("applied %s %s", kind, meta["name"], extra={"key": (meta["namespace"], meta["name"])})
            else:
                await self.world.kube.delete(kind, meta["namespace"], meta["name"], meta["uid"])
                self.world.view.forget(kind, action.manifest)
                log.info("deleted %s %s", kind, meta["name"], extra={"key": (meta["namespace"], meta["name"])})

    async def _conflict(self, desired: list[Raw], observed: Observed) -> Problem | None:
        """A child of the same name that is not ours is never adopted: our watches may not even see it, so ask."""
        unseen = [manifest for manifest in desired if manifest["kind"] not in observed.children]
        found = await asyncio.gather(
            *(
                self.world.kube.get(manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
                for manifest in unseen
            )
        )
        seen = dict(observed.children)
        for manifest, child in zip(unseen, found, strict=True):
            if child is not None:
                child.setdefault("kind", manifest["kind"])
                seen[manifest["kind"]] = child
                if owned_by(child, observed.uid):
                    self.world.view.remember(manifest["kind"], child)
        for manifest in desired:
            child = seen.get(manifest["kind"])
            if child is not None and not owned_by(child, observed.uid):
                return _name_conflict(manifest["kind"], child, observed.resource["metadata"]["name"])
        return None

    async def _tell(self, key: Key, verdict: Verdict) -> float | None:
        observed = verdict.observed
        now = self.world.now()
        status = status_of(verdict, now)
        old = observed.status
        if status == old:
            self._unwritten.pop(key, None)
            return None
        if old and not urgent(status, old) and (wait := _left(self._unwritten, key, SETTLE_S)):
            return wait
        self._unwritten.pop(key, None)
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

    def _private_commit(self, md: ModelDeployment, observed: Observed) -> str | None:
        """The commit a fetcher resolved: from the status, or from the pods that are there now."""
        weights = observed.status.get("weights") or {}
        if weights.get("uri") == md.spec.model.uri and weights.get("commit"):
            return str(weights["commit"])
        return reported_commit(observed, md.spec.model.uri)

    def _engine(self, md: ModelDeployment) -> EngineRun:
        image = engine_image(md, self.world.settings)
        facts = ENGINES[md.spec.engine.type].facts
        version, known = facts.version_of(image, md.spec.engine.version)
        return EngineRun(image, ".".join(map(str, version)), not known)


def _left(due: dict[Key, float], key: Key, seconds: float) -> float:
    """Seconds that are left of the wait which began when the key was first asked for; 0 when it is over."""
    now = asyncio.get_running_loop().time()
    return max(due.setdefault(key, now + seconds) - now, 0.0)


def _key(event: Raw) -> Key:
    return event["regarding"]["namespace"], event["regarding"]["name"]


def _hub_problem(answer: Answer) -> Problem:
    assert answer.problem is not None
    return Problem(answer.problem.reason, answer.problem.message, stalled=not answer.problem.transient)


def _name_conflict(kind: str, child: Raw, resource: str) -> Problem:
    name = child["metadata"]["name"]
    owners = child["metadata"].get("ownerReferences") or []
    if child["metadata"].get("deletionTimestamp") or any(
        owner.get("kind") == KIND and owner.get("name") == resource for owner in owners
    ):
        return Problem("NameConflict", f"The {kind} {name} of an earlier owner is still being deleted.", stalled=False)
    text = f"A {kind} named {name} exists that this ModelDeployment did not create; it is left alone. "
    return Problem(
        "NameConflict", text + "Delete or rename it, or give the ModelDeployment another name.", stalled=True
    )


def _rejection(error: ApiError) -> Problem:
    if error.status == 403 and "exceeded quota" in error.message:
        return Problem("QuotaExceeded", f"The API server refuses a child: {error.message}", stalled=True)
    reason = "InvalidSpec" if error.status == 422 or error.status == 400 else "Rejected"
    text = f"The API server refuses what this spec makes: {error.message} Look at spec.podTemplate first."
    return Problem(reason, text, stalled=True)
