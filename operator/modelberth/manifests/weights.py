"""How weights reach the engine container: downloaded by an init container, mounted from a claim, or from an image."""

from dataclasses import dataclass, field

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import ClaimUri, HubUri, ImageUri, parse_uri
from modelberth.manifests.facts import Facts
from modelberth.manifests.hub_access import ca_mounts, ca_volumes, hub_env
from modelberth.manifests.names import CACHE_DIR, FETCH, MODEL_DIR, PROGRESS_PORT, Manifest, claim_name
from modelberth.manifests.security import container_security
from modelberth.manifests.settings import Settings


@dataclass(frozen=True)
class Weights:
    """Volumes, the engine's mounts, the init container (downloads only) and the path that the engine is told."""

    path: str
    mounts: list[Manifest]
    volumes: list[Manifest]
    init_containers: list[Manifest] = field(default_factory=list)


def weights(md: ModelDeployment, facts: Facts, settings: Settings) -> Weights:
    """Weights of the deployment."""
    uri = parse_uri(md.spec.model.uri)
    mount: Manifest = {"name": "weights", "mountPath": MODEL_DIR, "readOnly": True}
    match uri:
        case HubUri():
            return Weights(
                path=_downloaded_path(md, uri),
                mounts=[mount, *({**cached, "readOnly": True} for cached in _cache_mounts(md))],
                volumes=fetch_volumes(md, settings),
                init_containers=[fetch_container(md, facts, settings)],
            )
        case ClaimUri() | ImageUri():
            return Weights(path=mounted_path(md, uri), mounts=[mount], volumes=[mounted_volume(uri)])


def fetch_volumes(md: ModelDeployment, settings: Settings) -> list[Manifest]:
    """What the fetcher needs beside /tmp. With a cache, `weights` holds but links into it."""
    return [{"name": "weights", "emptyDir": {}}, *_cache_volumes(md), *ca_volumes(settings)]


def fetch_container(md: ModelDeployment, facts: Facts, settings: Settings) -> Manifest:
    """The container that downloads the weights, or finds them in the cache."""
    mounts: list[Manifest] = [{"name": "weights", "mountPath": MODEL_DIR}, {"name": "tmp", "mountPath": "/tmp"}]
    return {
        "name": FETCH,
        "image": settings.fetcher.image,
        "imagePullPolicy": settings.fetcher.image_pull_policy,
        "args": _arguments(md, facts),
        "env": hub_env(md, settings),
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": container_security(),
        "volumeMounts": [*mounts, *_cache_mounts(md), *ca_mounts(settings)],
        # Its own JSON report, or its last lines if it died before it could write one.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def mounted_volume(uri: ClaimUri | ImageUri) -> Manifest:
    """The volume that holds the weights."""
    if isinstance(uri, ClaimUri):
        return {"name": "weights", "persistentVolumeClaim": {"claimName": uri.claim, "readOnly": True}}
    return {"name": "weights", "image": {"reference": uri.reference, "pullPolicy": "IfNotPresent"}}


def mounted_path(md: ModelDeployment, uri: ClaimUri | ImageUri) -> str:
    """Where the model is in the mounted volume: a folder, or a GGUF."""
    if isinstance(uri, ClaimUri):
        return _inside(uri.path)
    return _inside("model.gguf" if md.spec.engine.type == "LlamaCpp" else "")


def _inside(path: str) -> str:
    return f"{MODEL_DIR}/{path}" if path else MODEL_DIR


def _downloaded_path(md: ModelDeployment, uri: HubUri) -> str:
    if uri.file:
        return _inside(uri.file)
    # The fetcher links the repository's only GGUF to this name: llama-server wants a file.
    return _inside("model.gguf" if md.spec.engine.type == "LlamaCpp" else "")


def _arguments(md: ModelDeployment, facts: Facts) -> list[str]:
    model = md.spec.model
    args = ["fetch", model.uri, "--to", MODEL_DIR, "--engine", md.spec.engine.type]
    args += ["--progress-port", str(PROGRESS_PORT)]
    if md.spec.weights.cache.type != "None":
        args += ["--cache", CACHE_DIR]
    if facts.commit:
        args += ["--revision", facts.commit]
    if model.allow_pickle:
        args += ["--allow-pickle"]
    if model.trust_remote_code:
        args += ["--trust-remote-code"]
    return args


def _cache_mounts(md: ModelDeployment) -> list[Manifest]:
    return [{"name": "cache", "mountPath": CACHE_DIR}] if _cache_volumes(md) else []


def _cache_volumes(md: ModelDeployment) -> list[Manifest]:
    cache = md.spec.weights.cache
    if claim := cache.persistent_volume_claim:
        source = {"claimName": claim.claim_name or claim_name(md.name)}
        return [{"name": "cache", "persistentVolumeClaim": source}]
    if cache.host_path:
        # Not DirectoryOrCreate: the kubelet would make it as root, where the pod cannot write.
        return [{"name": "cache", "hostPath": {"path": cache.host_path.path, "type": "Directory"}}]
    return []
