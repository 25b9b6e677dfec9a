"""decide: an older revision goes on while the newest spec cannot be built, and its number of pods follows the load."""

from dataclasses import replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.activator_slice import activator_slice
from modelberth.manifests.children import digested
from modelberth.manifests.scale import Scale, built_in
from modelberth.reconcile.actions import Action, Settled, decide
from modelberth.reconcile.handover import piece_of
from modelberth.reconcile.observed import Observed, Raw

SLICE = "EndpointSlice"


def scalable(md: ModelDeployment, observed: Observed) -> bool:
    """Whether there are pods, or could be, that are ours to count."""
    return observed.workload is not None and built_in(md) is not None


def new_number(observed: Observed, scale: Scale) -> Raw | None:
    """What to apply to the Deployment, as the manager of the number alone: the rest of it is of the older spec."""
    workload = observed.workload
    if workload is None or scale.replicas in (None, workload["spec"].get("replicas", 1)):
        return None
    return {**piece_of(workload), "spec": {"replicas": scale.replicas}}


def door_actions(md: ModelDeployment, observed: Observed, scale: Scale, settled: Settled) -> list[Action]:
    """Writes that make the activator's slice what it should be."""
    wanted = scale.port is not None and scale.door is not None
    desired = [digested(activator_slice(md, scale.port, scale.door))] if wanted else []  # type: ignore[arg-type]
    made = {kind: child for kind, child in observed.children.items() if kind == SLICE}
    return decide(desired, replace(observed, children=made), settled)
