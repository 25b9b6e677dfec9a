"""decide: what the status says. Pure."""

from collections.abc import Collection

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import selector_text, url
from modelberth.manifests.scale import built_in
from modelberth.reconcile.autoscaled import Counts, autoscaling_of
from modelberth.reconcile.conditions import condition, conditions
from modelberth.reconcile.counts import Pods, pods_of
from modelberth.reconcile.measured import observed_of
from modelberth.reconcile.observed import Raw
from modelberth.reconcile.verdict import Verdict


def status_of(verdict: Verdict, now: str) -> Raw:
    """The whole status. ``now`` (RFC 3339) becomes lastTransitionTime of conditions whose status changed."""
    observed = verdict.observed
    pods = pods_of(observed)
    states = conditions(verdict, pods)
    old = {known["type"]: known for known in observed.status.get("conditions") or []}
    status: Raw = {
        "observedGeneration": observed.generation,
        "conditions": [condition(kind, state, old.get(kind), observed.generation, now) for kind, state in states],
        "replicas": pods.wanted,
        "readyReplicas": pods.ready,
    }
    if verdict.md is None:
        # What is known of the older revision, which may still serve.
        names = ("url", "selector", "engine", "weights", "plan", "observed", "autoscaling", "rollout")
        return status | {name: observed.status[name] for name in names if name in observed.status}
    parts = {
        "url": url(verdict.md),
        "selector": selector_text(verdict.md),
        "engine": _engine(verdict),
        "weights": _weights(verdict, verdict.md),
        "plan": verdict.planned.record if verdict.planned is not None else None,
        "observed": _observed(verdict, pods),
        "autoscaling": _autoscaling(verdict, pods, now),
        "rollout": _rollout(verdict),
    }
    return status | {name: part for name, part in parts.items() if part}


def _engine(verdict: Verdict) -> Raw | None:
    engine = verdict.engine
    if engine is None:
        return None
    assumed = {"versionAssumed": True} if engine.version_assumed else {}
    return {"image": engine.image, "version": engine.version, **assumed}


def _weights(verdict: Verdict, md: ModelDeployment) -> Raw:
    commit = {"commit": verdict.commit} if verdict.commit else {}
    if verdict.rollout is not None and verdict.rollout.rolled_back:
        return {**commit, **verdict.weights}  # of the pods that run, which the URI is not
    return {"uri": md.spec.model.uri, **commit, **verdict.weights}


def _observed(verdict: Verdict, pods: Pods) -> Raw | None:
    """The engine says it a moment before the Deployment counts its pod: both are one write."""
    if verdict.capacity is None or pods.ready == 0:
        return None
    planned = verdict.planned.record if verdict.planned is not None else {}
    return observed_of(verdict.capacity, planned.get("kvCacheTokens"))


def _rollout(verdict: Verdict) -> Raw | None:
    """status.rollout: only what is out of the ordinary; as it was where nothing was decided."""
    if verdict.rollout is None:
        return verdict.observed.status.get("rollout")
    story = {"rolledBack": verdict.rollout.rolled_back, "upgradeAvailable": verdict.rollout.upgrade_available}
    return {name: True for name, holds in story.items() if holds} or None


def _autoscaling(verdict: Verdict, pods: Pods, now: str) -> Raw | None:
    """status.autoscaling; as it was where nothing was decided."""
    if verdict.md is None or built_in(verdict.md) is None:
        return None
    if verdict.size is None:
        return verdict.observed.status.get("autoscaling")
    return autoscaling_of(verdict.size, Counts(pods.wanted, pods.there), verdict.observed.status, now)


def urgent(new: Raw, old: Raw) -> bool:
    """Whether the difference is worth a write of its own.

    WeightsReady, the progress of a download and the pod counters ride along with the next change that people wait for:
    a start is then two writes, and neither a download nor a scale-up of many pods is a stream of them. So does an
    endpoint that answers though what fails goes on failing: pods in a crash loop do so for a moment, each time.
    """
    if _revives(new, old):
        return _essence(new, {"Ready", "Available", "observed"}) != _essence(old, {"Ready", "Available", "observed"})
    return _essence(new) != _essence(old)


def _revives(new: Raw, old: Raw) -> bool:
    after, before = ({one["type"]: one for one in status.get("conditions") or []} for status in (new, old))
    if any(kind not in states for kind in ("Ready", "Stalled") for states in (after, before)):
        return False
    fails = after["Stalled"]["status"] == before["Stalled"]["status"] == "True"
    same = after["Ready"]["reason"] == before["Ready"]["reason"]
    return fails and same and (before["Ready"]["status"], after["Ready"]["status"]) == ("False", "True")


def _essence(status: Raw, apart: Collection[str] = ()) -> Raw:
    """Without what rides along, and without the fields and conditions ``apart``."""
    counters = ("readyReplicas", "replicas", "conditions", "autoscaling", "weights", *apart)
    essence = {name: value for name, value in status.items() if name not in counters}
    autoscaling = status.get("autoscaling") or {}
    essence["autoscaling"] = {name: value for name, value in autoscaling.items() if name != "currentReplicas"}
    weights = status.get("weights") or {}
    essence["weights"] = [weights.get("uri"), weights.get("commit")]
    essence["conditions"] = [
        _gist(condition)
        for condition in status.get("conditions") or []
        if condition["type"] not in ("WeightsReady", *apart)
    ]
    return essence


def _gist(condition: Raw) -> Raw:
    if condition["reason"] in ("Serving", "Scaling"):
        return {**condition, "message": ""}
    if condition["reason"] in ("Starting", "Downloading"):
        return {**condition, "reason": "Starting", "message": ""}
    return condition
