"""The Deployment controller and the kubelet, one step at a time: pods and the counts in the Deployment's status."""

import json
from typing import Any

from modelberth.manifests.names import ENGINE, FETCH, RELAY, REVISION

from .clock import moment
from .hub import COMMIT
from .kube import FakeKube, Raw

STARTED = "2026-01-01T00:00:00Z"
ADDRESS = "10.1.0.7"
SCHEDULED = {"type": "PodScheduled", "status": "True"}


def pod_of(deployment: Raw, index: int = 0) -> Raw:
    """A new pod of the Deployment's template, as the ReplicaSet controller makes it."""
    meta, template = deployment["metadata"], deployment["spec"]["template"]
    return {
        "metadata": {
            "namespace": meta["namespace"],
            "name": f"{meta['name']}-6d4cf56db6-{index:05d}",
            "labels": {**template["metadata"]["labels"], "pod-template-hash": "6d4cf56db6"},
            "ownerReferences": [{"uid": meta["uid"], "kind": "Deployment", "name": meta["name"], "controller": True}],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending", "conditions": [SCHEDULED]},
    }


def container(name: str = ENGINE, **status: Any) -> Raw:
    """One entry of containerStatuses."""
    return {"name": name, "image": "engine:1", "ready": False, **status}


def waiting(reason: str, message: str = "") -> Raw:
    """``state`` of a container that does not run."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def ended(message: str = "", code: int = 1, reason: str = "Error") -> Raw:
    """``state`` or ``lastState`` of a container that ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def fetched(commit: str = COMMIT) -> Raw:
    """The fetcher's container after a complete download."""
    report = json.dumps({"commit": commit, "files": 3, "bytes": 9})
    return container(FETCH, ready=True, state=ended(report, 0, "Completed"))


def loading() -> Raw:
    """The engine runs and does not answer yet."""
    return container(started=False, state={"running": {}})


def answering() -> Raw:
    """The engine answers."""
    return container(started=True, ready=True, state={"running": {"startedAt": STARTED}})


def status(*containers: Raw, phase: str = "Running", **more: Any) -> Raw:
    """A pod's status from its containers; those of the fetcher and the relay are init containers."""
    inits = [one for one in containers if one["name"] in (FETCH, RELAY)]
    return {
        "phase": phase,
        "podIP": ADDRESS,
        "conditions": [SCHEDULED],
        "initContainerStatuses": inits,
        "containerStatuses": [one for one in containers if one not in inits],
        **more,
    }


def unschedulable(message: str) -> Raw:
    """A pod's status that the scheduler wrote."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


class Workload:
    """What happens to the Deployment of one ModelDeployment."""

    def __init__(self, kube: FakeKube, namespace: str, name: str) -> None:
        self._kube, self.namespace, self.name = kube, namespace, name

    @property
    def deployment(self) -> Raw:
        return self._kube.objects["Deployment", self.namespace, self.name]

    @property
    def pods(self) -> list[Raw]:
        uid = self.deployment["metadata"]["uid"]
        return [pod for pod in self._kube.of("Pod") if pod["metadata"]["ownerReferences"][0]["uid"] == uid]

    def start(self) -> None:
        """The controller sees the newest template and makes the pods that are missing."""
        wanted = self.deployment["spec"]["replicas"]
        for _ in range(wanted - len(self.pods)):
            self._kube.put("Pod", pod_of(self.deployment, self._kube.version))
        for pod in self.pods[wanted:]:
            self._kube.remove("Pod", self.namespace, pod["metadata"]["name"])
        self.count(ready=self._ready())

    def set(self, pod_status: Raw, index: int | None = None) -> None:
        """The kubelet tells a new status of every pod, or of one."""

        def tell(raw: Raw) -> None:
            raw["status"] = pod_status
            raw["metadata"]["managedFields"] = [{"manager": "kubelet", "subresource": "status", "time": moment()}]

        for pod in self.pods if index is None else self.pods[index : index + 1]:
            self._kube.edit("Pod", self.namespace, pod["metadata"]["name"], tell)

    def count(self, ready: int, **more: Any) -> None:
        """The Deployment controller writes its counts; ``more`` replaces any of them."""
        total = len(self.pods)
        generation = self.deployment["metadata"]["generation"]
        counts = {"replicas": total, "updatedReplicas": total, "readyReplicas": ready, "observedGeneration": generation}
        self._kube.edit("Deployment", self.namespace, self.name, lambda raw: raw.update(status={**counts, **more}))

    def replace(self) -> None:
        """A rollout: old pods go, new ones of the newest template come."""
        for pod in self.pods:
            self._kube.remove("Pod", self.namespace, pod["metadata"]["name"])
        self.start()

    def surge(self, pod_status: Raw) -> None:
        """A rollout that begins with a pod more: one of the newest template, in this state."""
        pod = pod_of(self.deployment, self._kube.version)
        self._kube.put("Pod", {**pod, "status": pod_status})
        self.count(ready=self._ready(), updatedReplicas=1)

    def back(self) -> None:
        """A rollout back to a template that pods are left of: the others go."""
        label = self.deployment["spec"]["template"]["metadata"]["labels"][REVISION]
        for pod in self.pods:
            if pod["metadata"]["labels"][REVISION] != label:
                self._kube.remove("Pod", self.namespace, pod["metadata"]["name"])
        self.count(ready=self._ready())

    def serve(self) -> None:
        """Everything until every pod answers, with the many events that a start makes."""
        self.start()
        for step in (
            status(container(FETCH, state=waiting("PodInitializing")), phase="Pending"),
            status(container(FETCH, state={"running": {}}), container(state=waiting("PodInitializing"))),
            status(fetched(), container(state=waiting("PodInitializing"))),
            status(fetched(), loading()),
            status(fetched(), answering()),
        ):
            self.set(step)
        self.count(ready=self._ready())

    def _ready(self) -> int:
        return sum(one.get("ready", False) for pod in self.pods for one in pod["status"].get("containerStatuses") or [])
