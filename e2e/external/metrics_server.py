"""The real metrics-server, from its module: where an HPA reads CPU usage."""

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.external.program import Manifest, image_of, kustomized, started, stopped
from e2e.install.stage import Stage

AUTHORITY = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


@contextmanager
def metrics_server(stage: Stage) -> Iterator[None]:
    objects = kustomized(stage, "metrics-server", "base")
    started(stage, objects, lambda container: _adjust(stage, container))
    yield
    stopped(stage, objects)


def _adjust(stage: Stage, container: Manifest) -> None:
    container["image"] = image_of(stage, "metrics-server")
    # The local cluster's authority signs the kubelet's certificate too; kind's kubelets sign their own.
    trust = f"--kubelet-certificate-authority={AUTHORITY}" if stage.cluster.way == "local" else "--kubelet-insecure-tls"
    container["args"].append(trust)
