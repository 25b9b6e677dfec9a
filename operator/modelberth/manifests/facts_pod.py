"""The fact-finding pod: reads what the planner needs of a model where only the tenant's own pods can.

It runs `modelberth facts` once, with the token or the volume, and says what it found in its termination message.
"""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import ClaimUri, HubUri, ImageUri, parse_uri
from modelberth.manifests.errand import Errand, errand_pod
from modelberth.manifests.hub_access import ca_mounts, ca_volumes, hub_env
from modelberth.manifests.names import (
    FACTS,
    FACTS_LABEL,
    FACTS_OF,
    MODEL_DIR,
    Manifest,
    facts_pod_name,
    selector,
)
from modelberth.manifests.pod import placement
from modelberth.manifests.security import container_security
from modelberth.manifests.settings import Settings
from modelberth.manifests.weights import mounted_path, mounted_volume

DEADLINE_S = 300
"""Seconds from the kubelet's taking the pod to its end: the volume is attached and the image pulled within them."""
IMAGE_DEADLINE_S = 3600
"""For an image volume: the weights themselves are pulled first."""


def facts_pod(md: ModelDeployment, settings: Settings) -> Manifest:
    """The pod. Its annotation FACTS_OF changes with everything that it depends on."""
    errand = Errand(facts_pod_name(md.name), "modelberth-facts", FACTS_LABEL, FACTS_OF)
    return errand_pod(md, errand, _spec(md, settings), settings)


def _spec(md: ModelDeployment, settings: Settings) -> Manifest:
    uri = parse_uri(md.spec.model.uri)
    container: Manifest = {
        "name": FACTS,
        "image": settings.fetcher.image,
        "imagePullPolicy": settings.fetcher.image_pull_policy,
        "args": ["facts", _model(md, uri), "--engine", md.spec.engine.type],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": container_security(),
        # Its report, or its last lines if it died before it could write one.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec: Manifest = {
        "containers": [container],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": IMAGE_DEADLINE_S if isinstance(uri, ImageUri) else DEADLINE_S,
    }
    if isinstance(uri, HubUri):
        container["env"] = hub_env(md, settings)
        container["volumeMounts"] = ca_mounts(settings)
        return {**spec, "volumes": ca_volumes(settings)}
    container["volumeMounts"] = [{"name": "weights", "mountPath": MODEL_DIR, "readOnly": True}]
    return {**spec, "volumes": [mounted_volume(uri)], **_beside_the_engine(md, settings)}


def _model(md: ModelDeployment, uri: HubUri | ClaimUri | ImageUri) -> str:
    # $$ is how Kubernetes writes a $ that is none of $(NAME).
    return md.spec.model.uri if isinstance(uri, HubUri) else mounted_path(md, uri).replace("$", "$$")


def _beside_the_engine(md: ModelDeployment, settings: Settings) -> Manifest:
    """Where the engine may run, and on the node of an engine pod that has the volume already, if it can.

    A claim that is provisioned for its first pod is bound to that pod's zone, and one that is ReadWriteOnce is attached
    to one node: elsewhere this pod would wait for it, or the engine could never follow.
    https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
    """
    term = {"labelSelector": {"matchLabels": selector(md)}, "topologyKey": "kubernetes.io/hostname"}
    near = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    return {**placement(md, settings), "affinity": {"podAffinity": near}}
