"""Things that the pod names and the namespace does not have: Secrets, keys, ConfigMaps, claims."""

import re

from modelberth.reconcile.checks.case import Case, condition
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.scheduling import messages

UNMOUNTED_S = 20.0
"""Seconds in which a node mounts Secrets and ConfigMaps that exist: it does so at once."""

_MISSING = (
    (r'secret "([^"]+)" not found', "There is no Secret {0} in this namespace"),
    (r'configmap "([^"]+)" not found', "There is no ConfigMap {0} in this namespace"),
    (r"couldn't find key (\S+) in Secret [^/\s]+/(\S+)", "The Secret {1} has no key {0}"),
    (r"couldn't find key (\S+) in ConfigMap [^/\s]+/(\S+)", "The ConfigMap {1} has no key {0}"),
)


def missing_config(case: Case) -> Found | None:
    """The kubelet cannot fill the container's environment; it tries again until it can."""
    for container in case.containers():
        if container.waiting.get("reason") != "CreateContainerConfigError":
            continue
        message = str(container.waiting.get("message", ""))
        if "runAsNonRoot" in message:
            what = f"The node refuses to run container {container.name}"
            advice = "Give it a numeric runAsUser other than 0 in spec.podTemplate, or use an image that has one"
            return Found("PodRejected", what, message, advice)
        return Found(
            "ConfigMissing",
            f"Container {container.name} cannot start",
            missing(message),
            "Create it, or correct its name in the spec; the pod then goes on by itself",
        )
    return None


def missing_claim(case: Case) -> Found | None:
    """The scheduler, not the kubelet, notices that a PersistentVolumeClaim does not exist."""
    for message in messages(case):
        if found := re.search(r'persistentvolumeclaim "([^"]+)" not found', message):
            what = f"There is no PersistentVolumeClaim {found[1]} in this namespace"
            return Found("ConfigMissing", what, advice="Create it, or correct its name in the spec")
    return None


def unmounted(case: Case) -> Found | None:
    """A volume from a Secret or a ConfigMap that does not exist: the kubelet tells it in an Event only.

    PodReadyToStartContainers stays False until all volumes are mounted:
    https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-ready-to-start-containers
    """
    sources = [name for volume in case.pod_spec.get("volumes") or [] if (name := _source(volume))]
    if not sources:
        return None
    for pod in case.pods:
        state = condition(pod, "PodReadyToStartContainers")
        if state.get("status") != "False" or pod.get("status", {}).get("phase") != "Pending":
            continue
        left = case.left(state.get("lastTransitionTime"), UNMOUNTED_S)
        if left is not None:
            what = f"The node cannot mount the pod's volumes. They are from {', '.join(sorted(set(sources)))}"
            advice = "Does each exist in this namespace, with its key? The pod's Events say which it is"
            return Found("ConfigMissing", what, advice=advice, stalled=False, in_s=left)
    return None


def missing(message: str) -> str:
    """The kubelet's words for what does not exist, in ours."""
    for pattern, text in _MISSING:
        if found := re.search(pattern, message):
            return text.format(*found.groups())
    return message


def _source(volume: dict[str, dict[str, str]]) -> str | None:
    for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
        source = volume.get(field)
        if source and not source.get("optional"):
            return f"{kind} {source[key]}"
    return None
