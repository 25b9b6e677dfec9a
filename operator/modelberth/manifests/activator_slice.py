"""The EndpointSlice that leads the model's own Service to the activator.

It stands beside the endpoint controller's slices of the same Service: kube-proxy reads all of them. Its port need not
be the Service's targetPort, and it is how the activator tells whose request it holds.
"""

import zlib
from collections.abc import Container

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import (
    ACTIVATOR_PORTS,
    API_KEY,
    SERVED_NAME,
    SLICE_MANAGED_BY,
    SLICE_MANAGER,
    SLICE_SERVICE,
    Manifest,
    metadata,
    slice_name,
)
from modelberth.manifests.scale import Door


def activator_slice(md: ModelDeployment, port: int, door: Door) -> Manifest:
    """One endpoint per activator."""
    meta = metadata(md, slice_name(md.name))
    meta["labels"] |= {SLICE_SERVICE: md.name, SLICE_MANAGED_BY: SLICE_MANAGER}
    meta["annotations"] = {SERVED_NAME: md.spec.model.served_name or md.name}
    if md.spec.api_key_secret_ref is not None:
        meta["annotations"][API_KEY] = "true"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": "IPv6" if any(":" in address for address, _ in door.activators) else "IPv4",
        "endpoints": [_endpoint(address, node) for address, node in sorted(door.activators)],
        "ports": [{"name": "http", "port": port, "protocol": "TCP", "appProtocol": "http"}],
    }


def free_port(uid: str, taken: Container[int]) -> int:
    """A port of its own for the resource with this uid. Raises RuntimeError where all are taken.

    It starts from the uid, so that a port that one model gave back is hardly the next model's: connections may be on
    their way to it for a second or two.
    """
    start = zlib.crc32(uid.encode())
    for step in range(len(ACTIVATOR_PORTS)):
        port = ACTIVATOR_PORTS[(start + step) % len(ACTIVATOR_PORTS)]
        if port not in taken:
            return port
    raise RuntimeError(f"all {len(ACTIVATOR_PORTS)} ports of the activator are taken")


def _endpoint(address: str, node: str | None) -> Manifest:
    endpoint: Manifest = {
        "addresses": [address],
        "conditions": {"ready": True, "serving": True, "terminating": False},
    }
    return {**endpoint, "nodeName": node} if node else endpoint
