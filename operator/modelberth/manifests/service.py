"""The Service that gives the model its stable URL."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import ACTIVATOR_PORT, SERVICE_PORT, Manifest, metadata, selector


def service(md: ModelDeployment, activator_port: int | None) -> Manifest:
    """Port 80 to the engine's own port; only pods that answer are behind it."""
    meta = metadata(md, md.name)
    if activator_port is not None:
        meta["annotations"] = {ACTIVATOR_PORT: str(activator_port)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": "ClusterIP",
            "selector": selector(md),
            "ports": [
                {
                    "name": "http",
                    "port": SERVICE_PORT,
                    "targetPort": "http",
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
