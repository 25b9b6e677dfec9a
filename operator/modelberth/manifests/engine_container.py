"""The engine container: what the engine asks for, wired into the pod."""

from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.engines.container import HOME, drain_limit
from modelberth.engines.engine import Engine, Launch
from modelberth.manifests.hooks import drain_command, hooks_mounts, start_command
from modelberth.manifests.merge import by_name
from modelberth.manifests.names import ENGINE, Manifest
from modelberth.manifests.security import container_security

DRAIN_PAUSE_S = 5
"""Seconds between the pod leaving the Service and SIGTERM: kube-proxy must have heard of it (it syncs every second)."""
DEFAULT_EPHEMERAL_STORAGE = "2Gi"
"""Request: compile caches and logs. Downloaded weights are added by the user where nodes are short of disk."""


@dataclass(frozen=True)
class Run:
    """An engine from an image with its command line."""

    image: str
    engine: Engine
    launch: Launch


def gpus_per_replica(md: ModelDeployment) -> int:
    """tensor x pipeline x data, 0 on the CPU."""
    parallelism = md.spec.parallelism
    return parallelism.tensor * parallelism.pipeline * parallelism.data if md.spec.device == "GPU" else 0


def needs_shared_memory(md: ModelDeployment) -> bool:
    """Engine processes that talk through /dev/shm need more than the container runtime's 64 MiB."""
    parallelism = md.spec.parallelism
    return md.spec.device == "CPU" or parallelism.tensor * parallelism.pipeline * parallelism.data > 1


def engine_container(md: ModelDeployment, run: Run, weights: list[Manifest]) -> Manifest:
    """The container named ``engine``; ``weights`` are the mounts of what it serves."""
    engine, launch = run.engine, run.launch
    own_env = [item.model_dump(by_alias=True, exclude_none=True) for item in md.spec.engine.env]
    return {
        "name": ENGINE,
        "image": run.image,
        "command": start_command(engine, launch),
        "args": [*map(_literal, launch.args), *md.spec.engine.args],
        "env": by_name(launch.env, own_env),
        "ports": [{"name": "http", "containerPort": engine.port, "protocol": "TCP"}],
        "resources": resources(md, engine),
        "securityContext": container_security(),
        "volumeMounts": [
            *weights,
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "shm", "mountPath": "/dev/shm"}] if needs_shared_memory(md) else []),
            *hooks_mounts(engine),
            *secret_mounts(launch),
        ],
        "lifecycle": {"preStop": _pre_stop(md, engine)},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **engine.probes(),
    }


def _literal(argument: str) -> str:
    """The kubelet expands $(NAME) in arguments: a model file with such a name would not be found, or print a key."""
    return argument.replace("$", "$$")


def resources(md: ModelDeployment, engine: Engine) -> Manifest:
    """Requests and limits: the spec's own, the GPU count, and requests that keep a forgetful spec schedulable."""
    limits = {name: str(quantity) for name, quantity in md.spec.resources.limits.items()}
    requests = {name: str(quantity) for name, quantity in md.spec.resources.requests.items()}
    defaults = {
        "cpu": engine.default_cpu,
        "memory": engine.default_memory,
        "ephemeral-storage": DEFAULT_EPHEMERAL_STORAGE,
    }
    for name, value in defaults.items():
        # A request above the limit is refused by the API server; without a request it equals the limit.
        if name not in requests and name not in limits:
            requests[name] = value
    for name, value in requests.items():
        # Devices and huge pages cannot be overcommitted: the API server wants a limit, equal to the request.
        if "/" in name or name.startswith("hugepages-"):
            limits.setdefault(name, value)
    if gpus := gpus_per_replica(md):
        limits[md.spec.gpu.resource_name] = str(gpus)
    return {name: value for name, value in (("limits", limits), ("requests", requests)) if value}


def has_relay(engine: Engine) -> bool:
    """Whether a relay runs in the pod: the metrics are open on another port than the engine's own."""
    return engine.metrics_port != engine.port


def _pre_stop(md: ModelDeployment, engine: Engine) -> Manifest:
    """What the kubelet does before SIGTERM: it waits until the engine has finished what it was asked."""
    if has_relay(engine):
        # A number: a name would be looked up among the ports of this container.
        return {"httpGet": {"path": "/drain", "port": engine.metrics_port}}
    return {"exec": {"command": drain_command(engine, DRAIN_PAUSE_S, drain_limit(md.spec))}}


def secret_mounts(launch: Launch) -> list[Manifest]:
    """Where each secret file of the launch is in a container."""
    return [
        {"name": f"secret-{index}", "mountPath": path, "subPath": path.rsplit("/", 1)[-1], "readOnly": True}
        for index, path in enumerate(sorted(launch.secret_files))
    ]


def secret_volumes(launch: Launch) -> list[Manifest]:
    """One volume per secret file of the launch."""
    volumes = []
    for index, path in enumerate(sorted(launch.secret_files)):
        secret, key = launch.secret_files[path]
        source = {"secretName": secret, "items": [{"key": key, "path": path.rsplit("/", 1)[-1]}]}
        volumes.append({"name": f"secret-{index}", "secret": source})
    return volumes
