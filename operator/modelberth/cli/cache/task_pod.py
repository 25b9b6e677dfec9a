"""The pod in which `modelberth cache` runs where the cache is: Pod Security `restricted`, but for a hostPath."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from modelberth.cli.cache.place import Place
from modelberth.cli.cache.users import TASK_LABEL
from modelberth.manifests.names import CACHE_DIR, MANAGER
from modelberth.manifests.security import container_security, pod_security

Raw = dict[str, Any]
DEADLINE_S = 900
"""Seconds after which Kubernetes ends it, should nobody be there to delete it."""


@dataclass(frozen=True)
class Task:
    """What is run, and where."""

    place: Place
    arguments: Sequence[str]
    """Of `modelberth`."""
    image: str
    node: str | None
    """The node it must run on: a ReadWriteOnce volume is attached to one."""
    pull_secrets: Sequence[Raw] = field(default=())


def task_pod(task: Task) -> Raw:
    """The pod; the API server completes its name."""
    spec: Raw = {
        "containers": [
            {
                "name": "cache",
                "image": task.image,
                # $$ is how Kubernetes writes a $ that is none of $(NAME).
                "args": [argument.replace("$", "$$") for argument in task.arguments],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": container_security(),
                "volumeMounts": [{"name": "cache", "mountPath": CACHE_DIR}],
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
        "volumes": [{"name": "cache", **task.place.volume}],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": DEADLINE_S,
        "securityContext": pod_security(),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The volume may be on a node that is kept for engines.
        "tolerations": [{"operator": "Exists"}],
    }
    if task.pull_secrets:
        spec["imagePullSecrets"] = list(task.pull_secrets)
    if task.node:
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [task.node]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        spec["affinity"] = {"nodeAffinity": required}
    labels = {"app.kubernetes.io/name": f"{MANAGER}-cache", TASK_LABEL: "true"}
    metadata = {"namespace": task.place.namespace, "generateName": f"{MANAGER}-cache-", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
