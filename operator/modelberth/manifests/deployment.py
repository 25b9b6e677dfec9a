"""The Deployment that runs the engine pods."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import Manifest, metadata, selector

PROGRESS_DEADLINE_S = 6 * 3600
"""Seconds: large models load for hours; the operator itself judges failures long before."""


def deployment(md: ModelDeployment, template: Manifest, replicas: int | None) -> Manifest:
    """``template`` is the engine's pod. Without ``replicas`` the number is whoever writes it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(md, md.name),
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_S,
            "selector": {"matchLabels": selector(md)},
            # GPUs are scarce: a surge pod would wait for a GPU that only the old pod can free.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": template,
        },
    }
