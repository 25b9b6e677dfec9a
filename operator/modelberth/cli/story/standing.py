"""What the status says beyond the headline, as labelled lines. Pure."""

from collections.abc import Iterator

from modelberth.cli.capacity import capacity
from modelberth.cli.story.amounts import bar, count_of, duration, joined, size
from modelberth.cli.story.headline import Raw, conditions
from modelberth.manifests.names import UPGRADE

Row = tuple[str, str]
"""A label and what is said of it."""

PHASES = {
    "Pending": "no pod fetches them yet",
    "Waiting": "another pod downloads them into the shared cache",
    "Verifying": "downloaded, being verified",
    "Pulling": "the image that holds them is being pulled; Kubernetes does not tell how far it is",
    "Failed": "not complete",
}
COMMIT_LENGTH = 12


def standing(resource: Raw) -> Iterator[Row]:
    """In the order in which a start goes."""
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    yield "model", _model(spec, status)
    yield "engine", _engine(spec, status)
    if status.get("url"):
        yield "URL", str(status["url"])
    if status.get("replicas") is not None:
        yield "replicas", f"{status.get('readyReplicas') or 0} of {status['replicas']} answer"
    yield from _plan(status)
    if weights := _weights(status.get("weights") or {}):
        yield "weights", weights
    if autoscaling := status.get("autoscaling"):
        yield "autoscaling", _autoscaling(autoscaling)
    yield from (("rollout", text) for text in _rollout(status.get("rollout") or {}))
    if told := conditions(resource):
        yield "conditions", joined([_condition(each) for each in told.values()])


def _model(spec: Raw, status: Raw) -> str:
    weights = status.get("weights") or {}
    uri = weights.get("uri") or (spec.get("model") or {}).get("uri") or "?"
    commit = weights.get("commit")
    return f"{uri}, commit {commit[:COMMIT_LENGTH]}" if commit else str(uri)


def _engine(spec: Raw, status: Raw) -> str:
    engine = status.get("engine") or {}
    version = engine.get("version")
    if version and engine.get("versionAssumed"):
        version = f"{version} (assumed: the image does not say)"
    name = " ".join(filter(None, ((spec.get("engine") or {}).get("type", "?"), version)))
    return joined([name, engine.get("image")])


def _plan(status: Raw) -> Iterator[Row]:
    plan, observed = status.get("plan") or {}, status.get("observed") or {}
    if per_gpu := plan.get("perGpu"):
        parts = joined(
            [
                f"{name} {per_gpu.get(key, 0):.2f}"
                for name, key in (
                    ("weights", "weightsGiB"),
                    ("activation", "activationGiB"),
                    ("overhead", "overheadGiB"),
                    ("KV cache", "kvCacheGiB"),
                )
            ]
        )
        where = " per GPU" if plan.get("gpusPerReplica") else ""
        yield "memory", f"{parts} of {per_gpu.get('totalGiB', 0):.2f} GiB{where}"
    if plan:
        answer = {True: "fits", False: "does not fit", None: "not judged"}[plan.get("fits")]
        estimated = " (estimated)" if plan.get("estimated") else ""
        # Of one that does not fit it says what would be needed, not what there is.
        yield "planned", joined([answer + estimated, "" if plan.get("fits") is False else _kv_cache(plan)])
    if observed:
        yield "observed", joined([_kv_cache(observed), _error(observed)])
    for advice in plan.get("advice") or []:
        yield "fits with", joined([str(advice.get("change")), _kv_cache(advice)])


def _kv_cache(told: Raw) -> str:
    held = capacity(told.get("kvCacheTokens"), told.get("maxConcurrency"), None)
    return held and f"KV cache of {held}"


def _error(observed: Raw) -> str:
    error = observed.get("planErrorPercent")
    if error is None:
        return ""
    if error == 0:
        return "as planned"
    return f"the plan said {abs(error):g} % {'more' if error > 0 else 'less'}"


def _weights(weights: Raw) -> str:
    phase = weights.get("phase")
    done, total = weights.get("downloadedBytes"), weights.get("totalBytes")
    if phase == "Complete":
        return joined(["complete", size(total) if total else None])
    if not phase:
        return ""
    if done is None or not total:
        return PHASES.get(phase, str(phase))
    speed, left = weights.get("bytesPerSecond"), weights.get("etaSeconds")
    text = joined(
        [
            f"{bar(done, total)}  {size(done)} of {size(total)}",
            f"{size(speed)}/s" if speed else None,
            f"{duration(left)} left" if left is not None else None,
        ]
    )
    return f"{text}: {PHASES[phase]}" if phase in PHASES else text


def brief_weights(weights: Raw) -> str:
    """One word for a table: 35 %, or the phase."""
    phase, done, total = weights.get("phase"), weights.get("downloadedBytes"), weights.get("totalBytes")
    if phase == "Downloading" and total and done is not None:
        return f"{min(done * 100 // total, 100)} %"
    return str(phase or "-")


def _autoscaling(told: Raw) -> str:
    current, desired = told.get("currentReplicas") or 0, told.get("desiredReplicas") or 0
    move = count_of(current, "pod") if current == desired else f"from {current} to {count_of(desired, 'pod')}"
    target, source = told.get("targetConcurrency"), told.get("targetFrom")
    meant = f", {count_of(target, 'request')} per pod (targetFrom {source})" if target else ""
    why = ": ".join(str(told[key]) for key in ("reason", "message") if told.get(key))
    return f"{move}{meant}" + (f". {why}" if why else "")


def _rollout(rollout: Raw) -> Iterator[str]:
    if rollout.get("rolledBack"):
        yield "rolled back: the pods are those of the last revision that worked; the spec asks for one that failed"
    if rollout.get("upgradeAvailable"):
        yield (
            "an upgrade is there: pods would be built differently by now. They are with the next change of the spec, "
            f"or of the annotation {UPGRADE}"
        )


def _condition(told: Raw) -> str:
    """Ready=True, Planned=True (Fits): with the reason where it is not that of the headline."""
    said = told["type"] in ("Ready", "Reconciling", "Stalled")
    reason = "" if said or not told.get("reason") else f" ({told['reason']})"
    return f"{told['type']}={told.get('status')}{reason}"
