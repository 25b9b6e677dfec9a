"""The PersistentVolumeClaim of a cache that is made for one ModelDeployment."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import Manifest, claim_name, metadata


def cache_claim(md: ModelDeployment) -> Manifest | None:
    """The claim; None where the cache is a claim that exists, a folder of nodes, or none."""
    claim = md.spec.weights.cache.persistent_volume_claim
    if claim is None or claim.size is None:
        return None
    spec: Manifest = {"accessModes": [claim.access_mode], "resources": {"requests": {"storage": claim.size}}}
    if claim.storage_class_name:
        spec["storageClassName"] = claim.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(md, claim_name(md.name)),
        "spec": spec,
    }
