"""The pod template of the engine."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.container import drain_limit
from modelberth.manifests.engine_container import (
    DRAIN_PAUSE_S,
    Run,
    engine_container,
    has_relay,
    needs_shared_memory,
    secret_volumes,
)
from modelberth.manifests.hooks import hooks_containers, hooks_volumes
from modelberth.manifests.merge import merged
from modelberth.manifests.names import Manifest, labels, selector
from modelberth.manifests.relay import relay_container
from modelberth.manifests.security import pod_security
from modelberth.manifests.settings import Settings
from modelberth.manifests.weights import Weights

END_S = 10
"""Seconds between SIGTERM and SIGKILL when the drain took all of its time."""


def pod_template(md: ModelDeployment, run: Run, stored: Weights, settings: Settings) -> Manifest:
    """metadata and spec of the engine pods, with spec.podTemplate merged over them."""
    spec: Manifest = {
        "initContainers": [
            *stored.init_containers,
            *hooks_containers(run.engine, settings),
            *([relay_container(md, run, settings)] if has_relay(run.engine) else []),
        ],
        "containers": [engine_container(md, run, stored.mounts)],
        "volumes": [
            *stored.volumes,
            {"name": "home", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            *([{"name": "shm", "emptyDir": {"medium": "Memory"}}] if needs_shared_memory(md) else []),
            *hooks_volumes(run.engine),
            *secret_volumes(run.launch),
        ],
        "securityContext": pod_security(),
        "automountServiceAccountToken": False,
        # A Service named `vllm` would inject VLLM_PORT and break the engine.
        "enableServiceLinks": False,
        # The kernel spares a first process the signals that it does not handle, and llama-server handles none before
        # its model is loaded: deleted then, it would keep its GPU for the whole grace. Elsewhere run.py goes first.
        **({} if run.engine.hooks else {"shareProcessNamespace": True}),
        "terminationGracePeriodSeconds": DRAIN_PAUSE_S + drain_limit(md.spec) + END_S,
        # Always present, also for one replica: adding it when replicas grow would roll every pod.
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(md)},
            }
        ],
        **placement(md, settings),
    }
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    if not spec["initContainers"]:
        del spec["initContainers"]
    own = md.spec.pod_template
    metadata = merged(dict(own.metadata), {"labels": labels(md)})
    return {"metadata": metadata, "spec": merged(spec, own.spec)}


def placement(md: ModelDeployment, settings: Settings) -> Manifest:
    """Tolerations and node selector that lead to the GPU; nothing for device CPU."""
    if md.spec.device == "CPU":
        return {}
    resource = md.spec.gpu.resource_name
    # Nodes with slices of GPUs (nvidia.com/mig-1g.10gb) carry the vendor's taint as well.
    taints = dict.fromkeys((f"{resource.partition('/')[0]}/gpu", resource))
    found: Manifest = {"tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in taints]}
    if md.spec.gpu.type:
        found["nodeSelector"] = {settings.gpu.label_key: md.spec.gpu.type}
    return found
