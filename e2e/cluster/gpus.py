"""GPUs that are not there: the scheduler and kubelet count an extended resource like any other, so a pod with a limit
of `nvidia.com/gpu` is placed, refused and pre-empted as on a real node. It finds no device inside."""

import json

from e2e.cluster.api import Kubectl

RESOURCE = "nvidia.com/gpu"
PRODUCT = "nvidia.com/gpu.product"
"""The label that NVIDIA's GPU feature discovery sets."""

REMEMBERED = "modelberth.dev/fake-gpus"
"""How many; kubelet sets resources without a device plugin to 0 whenever it starts."""

KWOK = "kwok.x-k8s.io/node"


def fake_gpus(kubectl: Kubectl, count: int, product: str = "NVIDIA-L4") -> list[str]:
    """Give every real node `count` GPUs; 0 takes them away. Returns the nodes' names."""
    names = [n["metadata"]["name"] for n in kubectl.nodes() if KWOK not in n["metadata"].get("annotations", {})]
    for name in names:
        # null in a merge patch removes.
        labels = {PRODUCT: product if count else None}
        annotations = {REMEMBERED: str(count) if count else None}
        metadata = {"metadata": {"labels": labels, "annotations": annotations}}
        kubectl("patch", "node", name, "--type=merge", "-p", json.dumps(metadata))
        _set_capacity(kubectl, name, count)
    return names


def restore_fake_gpus(kubectl: Kubectl) -> None:
    """After a restart of the kubelet: what the nodes had before."""
    for node in kubectl.nodes():
        count = int(node["metadata"].get("annotations", {}).get(REMEMBERED, 0))
        if count:
            _set_capacity(kubectl, node["metadata"]["name"], count)


def _set_capacity(kubectl: Kubectl, name: str, count: int) -> None:
    amount = {RESOURCE: str(count) if count else None}
    status = {"status": {"capacity": amount, "allocatable": amount}}
    kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))
