"""The Service that gives the model its stable URL."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.names import SERVICE_PORT, Manifest, metadata, selector


def service(md: ModelDeployment) -> Manifest:
    """Port 80 to the engine's own port; only pods that answer are behind it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(md, md.name),
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
