"""Labels, annotations and paths that children and their readers agree on."""

from typing import Any

from modelberth.api.meta import API_VERSION, GROUP, KIND
from modelberth.api.modeldeployment import ModelDeployment

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "modelberth"
OWNER_LABEL = f"{GROUP}/modeldeployment"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Label selector of everything the operator makes; its watches use it."""

HASH = f"{GROUP}/hash"
"""Annotation: digest of the manifest as it was applied. The same digest means there is nothing to apply."""
FROZEN = f"{GROUP}/frozen"
"""Annotation of the Deployment: the facts that its pod template was built from (see manifests/facts.py)."""
FACTS_LABEL = f"{GROUP}/facts"
"""Label of the fact-finding pod: name of its ModelDeployment. It has no OWNER_LABEL, which the Service selects."""
FACTS_OF = f"{GROUP}/facts-of"
"""Annotation of the fact-finding pod: digest of its spec. Another digest means that it answers another question."""
REVISION = f"{GROUP}/revision"
"""Label of engine pods: digest of their template, which tells new ones from those that they replace."""

SERVED_NAME = f"{GROUP}/served-name"
"""Annotation of the activator's slice: the name that GET /v1/models lists while no engine answers."""
API_KEY = f"{GROUP}/api-key"
"""Annotation of the activator's slice: "true" where the engine asks for a key."""
SLICE_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SLICE_MANAGER = f"activator.{GROUP}"
"""Value of that label on our slices: the endpoint controller leaves them alone."""
SLICE_SERVICE = "kubernetes.io/service-name"
ACTIVATOR_PORTS = range(10_000, 32_768)
"""Of which each model gets one. From 32768 on Linux takes ports for outgoing connections, of which the activator makes
many."""
HANDED = f"{GROUP}/replicas"
"""Annotation of the Deployment of a resource that someone else scales: the spec.replicas that was last handed on."""

PODS = f"{GROUP}/pods"
"""Annotation of the Deployment: the pod template as it was built, packed (see manifests/revision.py)."""
LAST_GOOD = f"{GROUP}/last-good"
"""Annotation of the Deployment: the revision before this one, until all pods of this one answer."""
ROLLED_BACK = f"{GROUP}/rolled-back"
"""Annotation of the Deployment: which revision failed, and why, while an older one runs in its place."""
UPGRADE = f"{GROUP}/upgrade"
"""Annotation of the ModelDeployment: a new value has its pods built as this version of the operator builds them."""
PREFETCH_LABEL = f"{GROUP}/prefetch"
"""Label of the prefetching pod: name of its ModelDeployment."""
PREFETCH_OF = f"{GROUP}/prefetch-of"
"""Annotation of the prefetching pod: digest of its spec."""

ENGINE = "engine"
"""Name of the engine container."""
FETCH = "fetch"
"""Name of the init container that downloads weights."""
RELAY = "relay"
"""Name of the init container that stays: it hands out the engine's metrics and waits for the engine to finish."""
HOOKS = "hooks"
"""Name of the init container that puts what the engine's own Python is to load into a volume, and of that volume."""
FACTS = "facts"
"""Name of the container that reads a model's facts."""
MODEL_DIR = "/models"
CACHE_DIR = "/cache"
"""Where the volume of weights.cache is, in the fetcher and in the engine."""
HOOKS_DIR = "/modelberth"
"""Where the engine finds what HOOKS put there."""
PROGRESS_PORT = 9401
"""Where the fetcher tells how far it is."""
UID = 10001
SERVICE_PORT = 80

Manifest = dict[str, Any]


def labels(md: ModelDeployment) -> dict[str, str]:
    """Labels of every child; pods carry them too."""
    return {
        MANAGED_BY: MANAGER,
        "app.kubernetes.io/name": md.spec.engine.type.lower(),
        "app.kubernetes.io/instance": md.name,
        OWNER_LABEL: md.name,
    }


def selector(md: ModelDeployment) -> dict[str, str]:
    """Labels that pick the engine pods. A Deployment's selector can never change, so these depend on the name alone."""
    return {MANAGED_BY: MANAGER, OWNER_LABEL: md.name}


def selector_text(md: ModelDeployment) -> str:
    """The selector as autoscalers read it from /scale."""
    return ",".join(f"{key}={value}" for key, value in selector(md).items())


def metadata(md: ModelDeployment, name: str) -> Manifest:
    """Metadata of a child: owned by the ModelDeployment, so deleting that removes it."""
    meta: Manifest = {"name": name, "namespace": md.namespace, "labels": labels(md)}
    if uid := md.metadata.get("uid"):
        meta["ownerReferences"] = [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": md.name,
                "uid": uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return meta


def url(md: ModelDeployment) -> str:
    """The OpenAI base URL inside the cluster. The name without a cluster domain works with any of them."""
    return f"http://{md.name}.{md.namespace}.svc/v1"


def facts_pod_name(name: str) -> str:
    """Name of the pod that reads a model's facts."""
    return f"{name}-facts"


def prefetch_pod_name(name: str) -> str:
    """Name of the pod that downloads weights while there are no engine pods."""
    return f"{name}-prefetch"


def claim_name(name: str) -> str:
    """Name of the claim that is made for a cache."""
    return f"{name}-weights"


def slice_name(name: str) -> str:
    """Name of the EndpointSlice that leads to the activator."""
    return f"{name}-activator"


def child_name(kind: str, name: str) -> str:
    """Name of a child of this kind, by the name of its ModelDeployment."""
    names = {"EndpointSlice": slice_name, "PersistentVolumeClaim": claim_name}
    return names[kind](name) if kind in names else name
