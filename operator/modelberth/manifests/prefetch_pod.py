"""The prefetching pod: downloads into the cache while there are no engine pods to do it, and takes no GPU."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.errand import Errand, errand_pod
from modelberth.manifests.facts import Facts, digest
from modelberth.manifests.names import PREFETCH_LABEL, PREFETCH_OF, Manifest, prefetch_pod_name
from modelberth.manifests.pod import placement
from modelberth.manifests.settings import Settings
from modelberth.manifests.weights import fetch_container, fetch_volumes


def prefetch_pod(md: ModelDeployment, facts: Facts, settings: Settings) -> Manifest:
    """The pod, of a resource with a cache. It goes where the engine may run: a claim may be bound to its first pod's
    zone, and a folder of the node is of use to that node alone.
    """
    container, volumes = fetch_container(md, facts, settings), fetch_volumes(md, settings)
    result = digest([container["args"], volumes])
    errand = Errand(prefetch_pod_name(md.name), "modelberth-prefetch", PREFETCH_LABEL, PREFETCH_OF, result)
    spec: Manifest = {
        "containers": [container],
        "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}],
        "restartPolicy": "OnFailure",
        **placement(md, settings),
    }
    return errand_pod(md, errand, spec, settings)
