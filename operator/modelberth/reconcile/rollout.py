"""decide: which revision of the pods the Deployment is to run. Pure.

The one that the resource asks for, as it was built at first; after a failure, where the spec wants that, the one
before.
"""

from dataclasses import dataclass, replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import ENGINE
from modelberth.manifests.revision import Failure, History, Revision, same, wish_of
from modelberth.reconcile.counts import pods_of
from modelberth.reconcile.observed import Observed, container_state, container_statuses, newest_revision, revision
from modelberth.reconcile.problem import Problem

REPEATED = {"CrashLoop", "DownloadFailed", "ImagePullFailed", "OutOfMemory"}
"""Reasons that one reboot of a node or one failure of the network has too: they count when they come again."""


@dataclass(frozen=True)
class Rollout:
    """What the Deployment is to run, and to remember."""

    revision: Revision
    history: History
    upgrade_available: bool = False
    """Whether the pods would be built differently now, though nobody asked for other ones."""

    @property
    def rolled_back(self) -> bool:
        return self.history.failure is not None

    @property
    def engine_image(self) -> str:
        containers = self.revision.template["spec"]["containers"]
        return str(next((one.get("image", "") for one in containers if one.get("name") == ENGINE), ""))


def rolled_back(md: ModelDeployment, observed: Observed) -> bool:
    """Whether what the resource asks for has failed, and an older revision runs in its place."""
    failure = observed.history.failure
    return failure is not None and same(failure.wish, wish_of(md))


def rollout_of(md: ModelDeployment, observed: Observed, fresh: Revision, *, granted: bool) -> Rollout:
    """``fresh``: the pods as they are built now. ``granted``: whether others than those that run may take their place,
    though the resource asks for the same."""
    running = observed.frozen
    if running is None:
        return Rollout(fresh, History())
    if rolled_back(md, observed):
        return Rollout(running, observed.history)
    kept = _kept(md, observed)
    if not running.answers(fresh.wish):
        return Rollout(fresh, History(_before(md, observed, running)))
    running = replace(running, facts=fresh.facts)
    if running.template == fresh.template:
        return Rollout(running, History(kept))
    if not granted:
        return Rollout(running, History(kept), upgrade_available=True)
    return Rollout(replace(fresh, upgrade=running.upgrade, granted=True), History(_before(md, observed, running)))


def roll_back(md: ModelDeployment, observed: Observed, problem: Problem | None) -> Rollout | None:
    """The revision before this one, when this one cannot work; None where that is not so, or not wanted."""
    good, running = observed.history.last_good, observed.frozen
    if problem is None or not problem.stalled or good is None or md.spec.rollout.on_failure != "Rollback":
        return None
    if running is None or not running.answers(wish_of(md)):
        return None  # What failed is not what the resource asks for now.
    if problem.reason in REPEATED and not _backs_off(observed):
        return None
    return Rollout(good, History(None, Failure(running.wish, problem.reason, problem.message)))


def _backs_off(observed: Observed) -> bool:
    """Whether the kubelet has tried a container of the newest pods more than once."""
    statuses = (status for pod in newest(observed).pods for status in container_statuses(pod))
    return any(str(container_state(status, "waiting").get("reason", "")).endswith("BackOff") for status in statuses)


def proven(observed: Observed) -> bool:
    """Whether all pods of the newest revision answer."""
    pods = pods_of(observed)
    return pods.current and pods.ready >= pods.wanted > 0


def answers(observed: Observed) -> bool:
    """Whether a pod of the newest revision answers, and none of an older one is there."""
    pods = pods_of(observed)
    return pods.seen and pods.ready > 0 and not pods.replacing


def upgrade_failed(observed: Observed) -> bool:
    """Whether what was rolled back is an upgrade of the operator: another build of the same wish."""
    failure, running = observed.history.failure, observed.frozen
    return failure is not None and running is not None and failure.wish == running.wish


def whole(observed: Observed) -> bool:
    """Whether every pod that is asked for is of the newest revision and answers."""
    pods = pods_of(observed)
    return pods.known and (pods.wanted == 0 or proven(observed))


def newest(observed: Observed) -> Observed:
    """Without the pods of older revisions; nothing at all before the Deployment controller has seen the newest."""
    workload = observed.workload
    if workload is None or not pods_of(observed).seen:
        return replace(observed, pods=[])
    label = newest_revision(workload)
    return replace(observed, pods=[pod for pod in observed.pods if revision(pod) == label])


def after_rollback(failure: Failure | None) -> Problem | None:
    """What the status says of the revision that failed."""
    if failure is None:
        return None
    text = "The newest revision failed, and the pods are those of the one before (rollout.onFailure Rollback). "
    return Problem(failure.reason, f"{text}It failed with: {failure.message}", stalled=True)


def _kept(md: ModelDeployment, observed: Observed) -> Revision | None:
    """The revision before this one, as long as this one has not proven itself."""
    if md.spec.rollout.on_failure != "Rollback" or proven(observed):
        return None
    return observed.history.last_good


def _before(md: ModelDeployment, observed: Observed, running: Revision) -> Revision | None:
    """What to go back to from a revision that is about to start."""
    if md.spec.rollout.on_failure != "Rollback":
        return None
    pods = pods_of(observed)
    if observed.history.last_good is not None and not proven(observed):
        # One that is being tried itself is no way back.
        return observed.history.last_good
    # It answers, or others were rolled back to it. At zero pods nobody can tell, and it was not told to have failed.
    return running if pods.wanted == 0 or answers(observed) or observed.history.failure is not None else None
