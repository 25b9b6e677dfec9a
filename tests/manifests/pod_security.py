"""Pod Security `restricted`: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""

from collections.abc import Iterator
from typing import Any

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
    # Since 1.33, though the page does not list it: https://github.com/kubernetes/kubernetes/pull/130394
    "image",
}


def violations(pod: dict[str, Any]) -> list[str]:
    """What Pod Security would refuse in the pod's spec, at level restricted (which includes baseline)."""
    return [*_of_pod(pod), *(found for container in _containers(pod) for found in _of_container(pod, container))]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def _of_pod(pod: dict[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    for volume in pod.get("volumes", []):
        for source in set(volume) - {"name"} - _VOLUMES:
            yield f"volume {volume['name']}: {source}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _of_container(pod: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    own, common = container.get("securityContext", {}), pod.get("securityContext", {})

    def effective(name: str) -> Any:
        return own.get(name, common.get(name))

    capabilities = own.get("capabilities", {})
    refused = {
        "privileged": bool(own.get("privileged")),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "runAsNonRoot": effective("runAsNonRoot") is not True,
        "runAsUser": effective("runAsUser") == 0,
        "seccompProfile": (effective("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"),
        "capabilities.drop": "ALL" not in capabilities.get("drop", []),
        "capabilities.add": bool(set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}),
        "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
        "procMount": own.get("procMount", "Default") != "Default",
    }
    return (f"{container['name']}: {name}" for name, is_refused in refused.items() if is_refused)
