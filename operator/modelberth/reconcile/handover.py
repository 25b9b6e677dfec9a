"""decide: what someone else's autoscaler is told. Pure.

With autoscaling External our apply of the Deployment carries no number of pods. What such a scaler wrote to the
ModelDeployment's /scale is handed on once per change, by a field manager of its own; one that writes to the Deployment
itself is never contradicted, because spec.replicas then stays as it is.
"""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import HANDED
from modelberth.manifests.scale import external
from modelberth.reconcile.observed import Raw

SCALE_MANAGER = "modelberth-scale"
"""Field manager of what this makes."""


def handover(md: ModelDeployment, workload: Raw) -> Raw | None:
    """What to apply to the Deployment as SCALE_MANAGER; None where it was told everything."""
    told = (workload["metadata"].get("annotations") or {}).get(HANDED)
    if not external(md):
        # Nothing: gives back what was handed over.
        return piece_of(workload) if told is not None else None
    if told == str(md.spec.replicas):
        return None
    there = int(workload["spec"].get("replicas", 1))
    # A model that was at zero would stay there for ever: no scaler writes the number that it reads.
    wanted = (there or md.spec.replicas) if told is None else md.spec.replicas
    piece = piece_of(workload)
    piece["metadata"]["annotations"] = {HANDED: str(md.spec.replicas)}
    if (there, wanted) != (1, 1):
        # Also where it is the same number: what only we had set would fall back to 1 once our apply leaves it out.
        piece["spec"] = {"replicas": wanted}
    return piece


def first_number(md: ModelDeployment, desired: list[Raw]) -> None:
    """Puts the number into the Deployment that is about to be made, where it is not the API server's own 1."""
    if external(md) and md.spec.replicas != 1:
        desired[0]["spec"]["replicas"] = md.spec.replicas


def piece_of(workload: Raw) -> Raw:
    """The Deployment without anything that is applied."""
    meta = workload["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
    }
