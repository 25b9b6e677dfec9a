"""Pods that do one thing in the tenant's namespace and end: neither the Service nor the Deployment selects them."""

from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.facts import digest
from modelberth.manifests.merge import merged
from modelberth.manifests.names import MANAGED_BY, MANAGER, Manifest, metadata
from modelberth.manifests.security import pod_security
from modelberth.manifests.settings import Settings

_TEMPLATE = (
    # Where it may run ...
    "nodeSelector",
    "affinity",
    "tolerations",
    "schedulerName",
    "priorityClassName",
    # ... as whom: quotas, pull secrets and the owner of a claim's files depend on it ...
    "serviceAccountName",
    "imagePullSecrets",
    "securityContext",
    # ... and how it finds the hub.
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
)
"""Fields of spec.podTemplate.spec that hold for these pods too."""


@dataclass(frozen=True)
class Errand:
    """How such a pod is found."""

    pod: str
    """Name of the pod."""
    app: str
    """Value of app.kubernetes.io/name."""
    label: str
    """Label that holds the name of the ModelDeployment."""
    annotation: str
    """Annotation that holds the digest of the pod's spec: it changes with everything that the pod depends on."""
    result: str = ""
    """Digest of what its result depends on; it stands before the other one, with a dot between them."""


def errand_pod(md: ModelDeployment, errand: Errand, spec: Manifest, settings: Settings) -> Manifest:
    """The pod: ``spec`` and what holds for all of them."""
    template = md.spec.pod_template
    pull = {"imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets]}
    whole: Manifest = {
        "securityContext": pod_security(),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **(pull if settings.image_pull_secrets else {}),
        **spec,
    }
    whole = merged(whole, {name: template.spec[name] for name in _TEMPLATE if name in template.spec})
    meta = metadata(md, errand.pod)
    # The tenant's own labels and annotations: policies ask for them, network policies and meshes go by them.
    meta["labels"] = {
        **template.metadata.get("labels", {}),
        MANAGED_BY: MANAGER,
        "app.kubernetes.io/name": errand.app,
        "app.kubernetes.io/instance": md.name,
        errand.label: md.name,
    }
    inputs = f"{errand.result}.{digest(whole)}"
    meta["annotations"] = {**template.metadata.get("annotations", {}), errand.annotation: inputs}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": whole}
