"""decide: where the weights are, as pods and their fetchers tell it. Pure."""

from dataclasses import replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import HubUri, ImageUri, parse_uri
from modelberth.manifests.names import FETCH
from modelberth.ports.fetch_progress import Progress
from modelberth.reconcile.checks.fetch import fetch_report
from modelberth.reconcile.counts import pods_of
from modelberth.reconcile.observed import Observed, Raw, container_state, container_statuses, newest_revision, revision

_NOT_STARTED = {"ContainerCreating", "PodInitializing"}
"""What the kubelet says of containers that it has not made yet."""


def fetchers(observed: Observed) -> list[Raw]:
    """Pods of the newest revision, and the prefetching one: whoever has the weights, fetches them or will."""
    prefetch = [] if observed.prefetch_pod is None else [observed.prefetch_pod]
    pods = [pod for pod in observed.pods if revision(pod) == newest_revision(observed.workload)]
    return [
        pod
        for pod in (*pods, *prefetch)
        if not pod["metadata"].get("deletionTimestamp") and pod.get("status", {}).get("phase") != "Failed"
    ]


def fetch_status(pod: Raw) -> Raw:
    """What the kubelet says of the pod's fetcher; empty where it says nothing."""
    return next((one for one in container_statuses(pod) if one["name"] == FETCH), {})


def weights_status(md: ModelDeployment, observed: Observed, progress: Progress | None) -> Raw:
    """phase, and the bytes while they mean something; ``progress`` is of the fetcher that speaks for all."""
    uri, pods = parse_uri(md.spec.model.uri), fetchers(observed)
    if isinstance(uri, HubUri):
        return _fetched([fetch_status(pod) for pod in pods], progress) if pods else _left(md, observed)
    if any(map(_started, pods)):
        return {"phase": "Complete"}
    return {"phase": _pulled(uri, pods) if isinstance(uri, ImageUri) else "Pending"}


def going_on(observed: Observed, weights: Raw) -> Observed:
    """What the checks of pods are to judge: a fetcher that failed, runs again and gets on is no failure any more."""
    if weights.get("phase") not in ("Waiting", "Downloading", "Verifying"):
        return observed
    return replace(observed, pods=[_without_past(pod) for pod in observed.pods])


def _without_past(pod: Raw) -> Raw:
    status = pod.get("status", {})
    kept = {
        kind: [
            {**one, "lastState": {}} if one["name"] == FETCH and _runs(one) else one for one in status.get(kind) or []
        ]
        for kind in ("initContainerStatuses", "containerStatuses")
    }
    return {**pod, "status": {**status, **kept}}


def _fetched(statuses: list[Raw], progress: Progress | None) -> Raw:
    """A download under way is told before one that is complete, a failure before those who wait for another pod."""
    if progress is not None and progress.phase in ("Downloading", "Verifying"):
        return _counted(progress)
    ended = [end for status in statuses if (end := container_state(status, "terminated"))]
    if complete := [end for end in ended if end.get("exitCode") == 0]:
        return {"phase": "Complete", **_size(complete[0])}
    if progress is not None and progress.phase == "Complete":
        return {"phase": "Complete", **({"totalBytes": progress.total} if progress.total else {})}
    tries_again = [status for status in statuses if _failed_before(status)]
    waits = progress is not None and progress.phase == "Waiting"
    if ended or any(not (waits and _runs(status)) for status in tries_again):
        return {"phase": "Failed"}
    return _counted(progress) if waits and progress is not None else {"phase": "Pending"}


def _left(md: ModelDeployment, observed: Observed) -> Raw:
    """While there is no pod: what is in a cache stays there, and one pod after another is no news."""
    known = observed.status.get("weights") or {}
    commit = observed.frozen.facts.commit if observed.frozen else None
    same = (known.get("uri"), known.get("commit")) == (md.spec.model.uri, commit)
    gone = md.spec.weights.cache.type == "None" and pods_of(observed).wanted == 0
    if gone or not same or known.get("phase") != "Complete":
        return {"phase": "Pending"}
    return {name: known[name] for name in ("phase", "totalBytes") if name in known}


def _counted(progress: Progress) -> Raw:
    """Who waits for another pod tells how far that one is."""
    counted: Raw = {"phase": progress.phase}
    if progress.total:
        counted |= {"downloadedBytes": progress.bytes, "totalBytes": progress.total}
    if progress.total and progress.phase != "Verifying":
        counted["bytesPerSecond"] = progress.bytes_per_second
        if progress.eta_seconds is not None:
            counted["etaSeconds"] = progress.eta_seconds
    return counted


def _pulled(uri: ImageUri, pods: list[Raw]) -> str:
    """An image volume is pulled between the pod's scheduling and its first container: Kubernetes tells no more."""
    waiting = [container_state(status, "waiting") for pod in pods for status in container_statuses(pod)]
    if any(one.get("reason") not in _NOT_STARTED and uri.reference in one.get("message", "") for one in waiting):
        return "Failed"
    return "Pulling" if any(map(_scheduled, pods)) else "Pending"


def _size(ended: Raw) -> Raw:
    """Bytes of all files, from the fetcher's report."""
    size = fetch_report(ended).get("bytes")
    return {"totalBytes": size} if type(size) is int and size >= 0 else {}


def _started(pod: Raw) -> bool:
    return any(
        _runs(status) or container_state(status, "terminated") or status.get("lastState")
        for status in container_statuses(pod)
    )


def _scheduled(pod: Raw) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one.get("type") == "PodScheduled" and one.get("status") == "True" for one in conditions)


def _failed_before(status: Raw) -> bool:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return bool(ended) and ended.get("exitCode") != 0


def _runs(status: Raw) -> bool:
    return "running" in (status.get("state") or {})
