"""The Deployment that runs the engine pods."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import Manifest, metadata, selector
from modelberth.manifests.revision import History, Revision, annotations_of

PROGRESS_DEADLINE_S = 6 * 3600
"""Seconds: large models load for hours; the operator itself judges failures long before."""


def deployment(md: ModelDeployment, revision: Revision, history: History, replicas: int | None) -> Manifest:
    """Runs the pods of ``revision``. Without ``replicas`` the number is whoever writes it."""
    meta = metadata(md, md.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**meta, "annotations": annotations_of(revision, history)},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_S,
            "selector": {"matchLabels": selector(md)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling_update(md, replicas)},
            "template": revision.template,
        },
    }


def rolling_update(md: ModelDeployment, replicas: int | None) -> Manifest:
    """How many pods more and fewer there may be while they are replaced.

    GPUs are scarce: a surge pod waits for a GPU that only the old pod can free, so there is none unless the spec allows
    it. Where one pod at least can stay, it stays: the Deployment controller would take all that maxUnavailable allows
    before it knows whether the new revision works. Their number is not known where someone else writes it.
    """
    rollout = md.spec.rollout
    unavailable = rollout.max_unavailable
    if rollout.max_surge > 0:
        unavailable = 0 if replicas is None else min(unavailable, max(replicas - 1, 0))
    elif replicas is not None and replicas > 1:
        unavailable = min(unavailable, replicas - 1)
    return {"maxSurge": rollout.max_surge, "maxUnavailable": unavailable}
