"""decide: what the status says. Pure; conditions follow kstatus (docs/design/0005-status.md)."""

from dataclasses import dataclass
from typing import Any, get_args

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.capacity import Capacity
from modelberth.manifests.names import selector_text, url
from modelberth.manifests.scale import built_in, external
from modelberth.planner.planned import Planned
from modelberth.ports.hub_problems import Reason
from modelberth.reconcile.autoscaled import Counts, autoscaling_of
from modelberth.reconcile.measured import observed_of
from modelberth.reconcile.observed import Observed, Raw
from modelberth.reconcile.pod_checks import weights_there
from modelberth.reconcile.problem import Problem
from modelberth.reconcile.size import Size

State = tuple[str, str, str]
"""status, reason and message of a condition."""

MAX_MESSAGE = 8192
"""Characters; the schema takes 32768, and the API server's own refusals can be longer than that."""

FETCH_REASONS = frozenset(get_args(Reason))


@dataclass(frozen=True)
class EngineRun:
    """The engine as it is configured now."""

    image: str
    version: str
    version_assumed: bool


@dataclass(frozen=True)
class Verdict:
    """What this reconcile found."""

    md: ModelDeployment | None
    """None where the spec is invalid."""
    observed: Observed
    problem: Problem | None = None
    engine: EngineRun | None = None
    commit: str | None = None
    planned: Planned | None = None
    """None while the model's files are read."""
    capacity: Capacity | None = None
    """What the engine says of its KV cache."""
    size: Size | None = None
    """None while no pods are asked for, or nothing was built."""

    @property
    def held_for(self) -> bool:
        """Whether requests are held while no pod answers: the URL works all the same."""
        return self.size is not None and self.size.scale.door is not None


@dataclass(frozen=True)
class Pods:
    """Numbers from the Deployment."""

    wanted: int
    there: int
    """Pods that exist, ready or not."""
    ready: int
    replacing: bool
    """Pods of an older revision are there."""
    current: bool
    """The Deployment controller has seen the newest spec and replaced every pod."""
    known: bool = True
    """Whether there is a Deployment."""


def status_of(verdict: Verdict, now: str) -> Raw:
    """The whole status. ``now`` (RFC 3339) becomes lastTransitionTime of conditions whose status changed."""
    observed = verdict.observed
    pods = pods_of(observed)
    states = conditions(verdict, pods)
    old = {condition["type"]: condition for condition in observed.status.get("conditions") or []}
    status: Raw = {
        "observedGeneration": observed.generation,
        "conditions": [_condition(kind, state, old.get(kind), observed.generation, now) for kind, state in states],
        "replicas": pods.wanted,
        "readyReplicas": pods.ready,
    }
    if verdict.md is None:
        # What is known of the older revision, which may still serve.
        for name in ("url", "selector", "engine", "weights", "plan", "observed", "autoscaling"):
            if name in observed.status:
                status[name] = observed.status[name]
        return status
    status["url"] = url(verdict.md)
    status["selector"] = selector_text(verdict.md)
    if verdict.engine is not None:
        status["engine"] = {"image": verdict.engine.image, "version": verdict.engine.version}
        if verdict.engine.version_assumed:
            status["engine"]["versionAssumed"] = True
    status["weights"] = {"uri": verdict.md.spec.model.uri}
    if verdict.commit:
        status["weights"]["commit"] = verdict.commit
    if verdict.planned is not None and verdict.planned.record:
        status["plan"] = verdict.planned.record
    # The engine says it a moment before the Deployment counts its pod: both are one write.
    if verdict.capacity is not None and pods.ready > 0:
        status["observed"] = observed_of(verdict.capacity, status.get("plan", {}).get("kvCacheTokens"))
    if (record := _autoscaling(verdict, pods, now)) is not None:
        status["autoscaling"] = record
    return status


def _autoscaling(verdict: Verdict, pods: Pods, now: str) -> Raw | None:
    """status.autoscaling; as it was where nothing was decided."""
    if verdict.md is None or built_in(verdict.md) is None:
        return None
    if verdict.size is None:
        return verdict.observed.status.get("autoscaling")
    return autoscaling_of(verdict.size, Counts(pods.wanted, pods.there), verdict.observed.status, now)


def pods_of(observed: Observed) -> Pods:
    """Replicas from the Deployment; nothing while there is none."""
    workload = observed.workload
    if workload is None:
        return Pods(0, 0, 0, replacing=False, current=False, known=False)
    status = workload.get("status") or {}
    wanted = int(workload["spec"].get("replicas", 1))
    updated = int(status.get("updatedReplicas") or 0)
    total = int(status.get("replicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(workload["metadata"].get("generation") or 0)
    # Before the controller has seen the change, the same number of pods means that it was not about numbers.
    replacing = updated < min(wanted, total) if seen else total == wanted
    current = seen and updated == wanted == total
    return Pods(wanted, total, int(status.get("readyReplicas") or 0), replacing, current)


def conditions(verdict: Verdict, pods: Pods) -> list[tuple[str, State]]:
    """Every condition, in the order in which people read them."""
    problem = verdict.problem
    settled = _asleep(pods) or (pods.current and pods.ready >= pods.wanted)
    done = problem is None and verdict.md is not None and settled and not _lost(verdict, pods)
    progress = _progress(verdict, pods)
    stalled = problem is not None and problem.stalled
    reason, message = (problem.reason, problem.message) if problem else progress
    return [
        ("Ready", _ready(verdict, pods, progress, done)),
        ("Reconciling", _flag(not done and not stalled, reason, message)),
        ("Stalled", _flag(stalled, reason, message)),
        ("Planned", _planned(verdict)),
        ("WeightsReady", _weights(verdict, pods)),
        ("Available", _available(pods)),
    ]


def _ready(verdict: Verdict, pods: Pods, progress: tuple[str, str], done: bool) -> State:
    problem = verdict.problem
    if problem:
        if pods.ready > 0 or (_asleep(pods) and verdict.held_for):
            # No number of pods here: every change of the message is a write.
            return "True", problem.reason, f"The endpoint answers, but: {problem.message}"
        return "False", problem.reason, problem.message
    if pods.ready > 0:
        return ("True", "Serving", _serving(verdict)) if done else ("True", *progress)
    if done:
        return "True", "ScaledToZero", _sleep(verdict)
    if progress[0] == "Waking":
        return "True", *progress
    before = {condition["type"]: condition["status"] for condition in verdict.observed.status.get("conditions") or []}
    return ("Unknown" if before.get("Ready", "Unknown") == "Unknown" else "False"), *progress


def _asleep(pods: Pods) -> bool:
    """Nothing is asked for and nothing answers: whether the controller has seen a new template does not matter."""
    return pods.known and pods.wanted == pods.ready == 0


def _lost(verdict: Verdict, pods: Pods) -> bool:
    """Whether nobody stands behind the Service of a model that we scaled to zero."""
    size = verdict.size
    ours = size is not None and size.target is not None and size.wanted == 0
    return ours and _asleep(pods) and not verdict.held_for


def _sleep(verdict: Verdict) -> str:
    if verdict.held_for:
        return "No engine pods, as no request came. The next one is held until a pod answers it."
    if verdict.md is not None and external(verdict.md):
        return "No engine pods, as the external autoscaler asks."
    return "No engine pods, as spec.replicas asks."


def _serving(verdict: Verdict) -> str:
    text = "The endpoint answers."
    if verdict.engine and verdict.engine.version_assumed:
        text += (
            f" The engine's version cannot be told from its image: it is treated as {verdict.engine.version}; "
            "spec.engine.version says it."
        )
    return text


def _progress(verdict: Verdict, pods: Pods) -> tuple[str, str]:
    """Reason and message while nothing is wrong."""
    if _lost(verdict, pods):
        return (
            "NoActivator",
            "No engine pods, and no activator is ready to hold requests: they are refused until one is.",
        )
    if _asleep(pods):
        return "ScaledToZero", ""
    if pods.current and pods.ready >= pods.wanted:
        return "Serving", ""
    if pods.ready > 0 and pods.replacing:
        return "Updating", "Pods are being replaced by the new revision."
    if pods.ready > 0:
        return "Scaling", f"The number of engine pods moves to {pods.wanted}."
    if _wakes(verdict):
        return "Waking", "Requests are held until an engine pod answers them."
    return "Starting", "Weights are fetched and the engine loads; nothing answers yet."


def _wakes(verdict: Verdict) -> bool:
    """Whether pods come up while the activator holds what arrives: the URL works all the time."""
    if not verdict.held_for:
        return False
    conditions = {condition["type"]: condition for condition in verdict.observed.status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    return ready.get("status") == "True" and ready.get("reason") in ("ScaledToZero", "Waking")


def _flag(on: bool, reason: str, message: str) -> State:
    return ("True" if on else "False"), reason, message if on else ""


def _planned(verdict: Verdict) -> State:
    planned = verdict.planned
    if planned is not None:
        return planned.status, planned.reason, planned.message
    if verdict.problem is not None:
        return "Unknown", verdict.problem.reason, "Nothing can be planned yet."
    return "Unknown", "Pending", "The model's files are being read."


def _weights(verdict: Verdict, pods: Pods) -> State:
    problem = verdict.problem
    if problem and problem.reason in FETCH_REASONS:
        return "False", problem.reason, problem.message
    if pods.ready > 0 or weights_there(verdict.observed):
        return "True", "Complete", "The weights are where the engine reads them."
    return "Unknown", "Pending", "No pod has its weights yet."


def _available(pods: Pods) -> State:
    if pods.ready > 0:
        return "True", "EndpointAnswers", "At least one engine pod answers."
    return "False", "NoEndpoint", "No engine pod answers."


def _condition(kind: str, state: State, old: Raw | None, generation: int, now: str) -> dict[str, Any]:
    status, reason, message = state
    changed = old is None or old["status"] != status
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message[:MAX_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": now if changed or old is None else old["lastTransitionTime"],
    }


def urgent(new: Raw, old: Raw) -> bool:
    """Whether the difference is worth a write of its own.

    WeightsReady and the pod counters ride along with the next change that people wait for: a start is then two
    writes, and a scale-up of many pods is not one write per pod.
    """
    return _essence(new) != _essence(old)


def _essence(status: Raw) -> Raw:
    counters = ("readyReplicas", "replicas", "conditions", "autoscaling")
    essence = {name: value for name, value in status.items() if name not in counters}
    autoscaling = status.get("autoscaling") or {}
    essence["autoscaling"] = {name: value for name, value in autoscaling.items() if name != "currentReplicas"}
    essence["conditions"] = [
        {**condition, "message": ""} if condition["reason"] in ("Serving", "Scaling") else condition
        for condition in status.get("conditions") or []
        if condition["type"] != "WeightsReady"
    ]
    return essence
