"""decide: the conditions of a status. Pure; they follow kstatus (docs/design/0005-status.md)."""

from typing import Any, get_args

from modelberth.manifests.scale import external
from modelberth.ports.hub_problems import Reason
from modelberth.reconcile.counts import Pods
from modelberth.reconcile.observed import Raw
from modelberth.reconcile.verdict import Verdict

State = tuple[str, str, str]
"""status, reason and message of a condition."""

MAX_MESSAGE = 8192
"""Characters; the schema takes 32768, and the API server's own refusals can be longer than that."""

GAP = (
    "Nothing answers until the new pod does: the old one had to go first. With spec.rollout.maxSurge 1 the new pod "
    "comes first, where there is a free GPU."
)
"""What one replica without a surge costs."""

DOWNLOADING = ("Waiting", "Downloading", "Verifying", "Pulling")
"""Values of status.weights.phase."""

FETCH_REASONS = frozenset(get_args(Reason))


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
    if _updated_until_now(verdict):
        return "Updating", GAP
    if verdict.weights.get("phase") in DOWNLOADING:
        return "Downloading", "The weights are on their way (status.weights says how far); nothing answers yet."
    return "Starting", "Weights are fetched and the engine loads; nothing answers yet."


def _updated_until_now(verdict: Verdict) -> bool:
    """Whether the last word was that pods of a newer revision take the place of others."""
    conditions = verdict.observed.status.get("conditions") or []
    return any(known["type"] == "Ready" and known["reason"] == "Updating" for known in conditions)


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
    phase = verdict.weights.get("phase")
    if pods.ready > 0 or phase == "Complete":
        return "True", "Complete", "The weights are where the engine reads them."
    if phase in DOWNLOADING:
        return "Unknown", "Downloading", "The weights are on their way; status.weights says how far."
    return "Unknown", "Pending", "No pod has its weights yet."


def _available(pods: Pods) -> State:
    if pods.ready > 0:
        return "True", "EndpointAnswers", "At least one engine pod answers."
    return "False", "NoEndpoint", "No engine pod answers."


def condition(kind: str, state: State, old: Raw | None, generation: int, now: str) -> dict[str, Any]:
    status, reason, message = state
    changed = old is None or old["status"] != status
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": _printable(message)[:MAX_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": now if changed or old is None else old["lastTransitionTime"],
    }


def _printable(text: str) -> str:
    """Pods are the tenants': what they say must not move a cursor, or turn text around, in somebody's terminal."""
    return text if text.isprintable() else "".join(one for one in text if one.isprintable() or one == "\n")
