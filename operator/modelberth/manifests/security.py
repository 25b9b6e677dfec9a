"""Pod Security `restricted`: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

from modelberth.manifests.names import UID, Manifest


def pod_security() -> Manifest:
    """securityContext of the pod. fsGroup lets the uid use emptyDirs and Secret files.

    It does nothing for claims, which are mounted read-only: their files must be readable by others, or
    podTemplate.spec.securityContext names their owner.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": UID,
        "fsGroup": UID,
        # Only when the root of the volume has another owner: a recursive chown of 200 GB takes minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """securityContext of every container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
