"""gather: what is known of one ModelDeployment, read from the store."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from modelberth.api.meta import KIND
from modelberth.manifests.names import ENGINE, REVISION, child_name, facts_pod_name, prefetch_pod_name
from modelberth.manifests.revision import History, Revision, history_of, thaw

Raw = dict[str, Any]
CHILD_KINDS = ("Deployment", "Service", "EndpointSlice", "PodDisruptionBudget", "PersistentVolumeClaim")


class View(Protocol):
    """The store, as far as the reconciler uses it."""

    def get(self, kind: str, namespace: str, name: str) -> Raw | None: ...

    def pods(self, namespace: str, name: str) -> list[Raw]: ...

    def remember(self, kind: str, raw: Raw) -> bool: ...

    def forget(self, kind: str, raw: Raw) -> None: ...


@dataclass(frozen=True)
class Observed:
    """The resource and what exists for it."""

    resource: Raw
    children: dict[str, Raw]
    """By kind: a ModelDeployment has at most one child of each."""
    pods: list[Raw]
    """Engine pods, not those that are being deleted."""
    facts_pod: Raw | None = None
    """The pod that reads the model's files, also while it is being deleted."""
    prefetch_pod: Raw | None = None
    """The pod that downloads weights into a cache while there are no engine pods, also while it is being deleted."""

    @property
    def uid(self) -> str:
        return str(self.resource["metadata"]["uid"])

    @property
    def generation(self) -> int:
        return int(self.resource["metadata"].get("generation", 0))

    @property
    def status(self) -> Raw:
        """The status as it was last written; empty at first."""
        return self.resource.get("status") or {}

    @property
    def workload(self) -> Raw | None:
        """The Deployment, if it is ours."""
        child = self.children.get("Deployment")
        return child if child is not None and owned_by(child, self.uid) else None

    @cached_property
    def frozen(self) -> Revision | None:
        """What the Deployment runs; None where it is missing or its annotations were damaged by hand."""
        return thaw(self.workload)

    @cached_property
    def history(self) -> History:
        """What it remembers beside that."""
        return history_of(self.workload)


def revision(raw: Raw) -> str | None:
    """The revision of a pod, or of the template that pods are made from."""
    found: str | None = (raw.get("metadata", {}).get("labels") or {}).get(REVISION)
    return found


def newest_revision(workload: Raw | None) -> str | None:
    """That of the pods which the Deployment makes now."""
    return None if workload is None else revision(workload["spec"].get("template") or {})


def container_statuses(pod: Raw) -> list[Raw]:
    """What the kubelet says of every container of the pod, init containers first."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def container_state(status: Raw, name: str) -> Raw:
    """waiting, running or terminated; empty where the container is in another state."""
    state: Raw = (status.get("state") or {}).get(name) or {}
    return state


def engine_ready(pod: Raw) -> bool:
    """Whether the engine of this pod answers."""
    return any(
        container["name"] == ENGINE and container.get("ready")
        for container in pod["status"].get("containerStatuses") or []
    )


def owned_by(child: Raw, uid: str) -> bool:
    """Whether the child's controller is the object with this uid."""
    references = child["metadata"].get("ownerReferences") or []
    return any(reference.get("uid") == uid and reference.get("controller") for reference in references)


def gather(view: View, namespace: str, name: str) -> Observed | None:
    """None where the resource is gone or going: owner references remove its children."""
    resource = view.get(KIND, namespace, name)
    if resource is None or resource["metadata"].get("deletionTimestamp"):
        return None
    uid = str(resource["metadata"]["uid"])
    helpers = [view.get("Pod", namespace, named(name)) for named in (facts_pod_name, prefetch_pod_name)]
    facts_pod, prefetch_pod = (pod if pod is not None and owned_by(pod, uid) else None for pod in helpers)
    found = ((kind, view.get(kind, namespace, child_name(kind, name))) for kind in CHILD_KINDS)
    return Observed(
        resource=resource,
        children={kind: child for kind, child in found if child is not None},
        pods=[pod for pod in view.pods(namespace, name) if not pod["metadata"].get("deletionTimestamp")],
        facts_pod=facts_pod,
        prefetch_pod=prefetch_pod,
    )
