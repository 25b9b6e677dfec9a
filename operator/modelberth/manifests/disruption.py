"""The PodDisruptionBudget: node drains take one replica at a time."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import Manifest, metadata, selector


def disruption_budget(md: ModelDeployment) -> Manifest:
    """Made where there may be more than one pod."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(md, md.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(md)},
            # A pod that does not answer anyway must not hold up the drain of its node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
