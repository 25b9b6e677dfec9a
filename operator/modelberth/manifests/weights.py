"""How weights reach the engine container: downloaded by an init container, mounted from a claim, or from an image."""

from dataclasses import dataclass, field
from typing import Any

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import ClaimUri, HubUri, ImageUri, parse_uri
from modelberth.manifests.facts import Facts
from modelberth.manifests.merge import by_name
from modelberth.manifests.names import FETCH, MODEL_DIR, Manifest, pin_name
from modelberth.manifests.security import container_security
from modelberth.manifests.settings import Settings

PIN_DIR = "/etc/modelberth/pin"
CA_DIR = "/etc/modelberth/ca"


@dataclass(frozen=True)
class Weights:
    """Volumes, the engine's mount, the init container (downloads only) and the path that the engine is told."""

    path: str
    mount: Manifest
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
                mount=mount,
                volumes=[{"name": "weights", "emptyDir": {}}, *_fetcher_volumes(md, settings)],
                init_containers=[_fetcher(md, facts, settings)],
            )
        case ClaimUri():
            claim = {"claimName": uri.claim, "readOnly": True}
            return Weights(
                path=_inside(uri.path),
                mount=mount,
                volumes=[{"name": "weights", "persistentVolumeClaim": claim}],
            )
        case ImageUri():
            image = {"reference": uri.reference, "pullPolicy": "IfNotPresent"}
            return Weights(
                path=_inside("model.gguf" if md.spec.engine.type == "LlamaCpp" else ""),
                mount=mount,
                volumes=[{"name": "weights", "image": image}],
            )


def _inside(path: str) -> str:
    return f"{MODEL_DIR}/{path}" if path else MODEL_DIR


def _downloaded_path(md: ModelDeployment, uri: HubUri) -> str:
    if uri.file:
        return _inside(uri.file)
    # The fetcher links the repository's only GGUF to this name: llama-server wants a file.
    return _inside("model.gguf" if md.spec.engine.type == "LlamaCpp" else "")


def _fetcher(md: ModelDeployment, facts: Facts, settings: Settings) -> Manifest:
    model = md.spec.model
    args = ["fetch", model.uri, "--to", MODEL_DIR, "--engine", md.spec.engine.type]
    if facts.commit:
        args += ["--revision", facts.commit]
    elif model.secret_ref:
        args += ["--pin", f"{PIN_DIR}/commit"]
    if model.allow_pickle:
        args += ["--allow-pickle"]
    if model.trust_remote_code:
        args += ["--trust-remote-code"]
    mounts: list[Manifest] = [{"name": "weights", "mountPath": MODEL_DIR}, {"name": "tmp", "mountPath": "/tmp"}]
    if model.secret_ref:
        mounts.append({"name": "pin", "mountPath": PIN_DIR, "readOnly": True})
    if settings.fetcher.ca_config_map:
        mounts.append({"name": "ca", "mountPath": CA_DIR, "readOnly": True})
    return {
        "name": FETCH,
        "image": facts.fetcher_image or settings.fetcher.image,
        "imagePullPolicy": settings.fetcher.image_pull_policy,
        "args": args,
        "env": _fetcher_env(md, settings),
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": container_security(),
        "volumeMounts": mounts,
        # Its own JSON report, or its last lines if it died before it could write one.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _fetcher_env(md: ModelDeployment, settings: Settings) -> list[Manifest]:
    values = {
        "HF_HOME": "/tmp/huggingface",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **dict(sorted(settings.fetcher.env.items())),
        "HF_ENDPOINT": settings.hub.endpoint,
    }
    if settings.fetcher.ca_config_map:
        values["SSL_CERT_FILE"] = f"{CA_DIR}/ca.crt"
    env: list[Manifest] = [{"name": name, "value": value} for name, value in values.items()]
    if secret := md.spec.model.secret_ref:
        token = {"secretKeyRef": {"name": secret.name, "key": "HF_TOKEN"}}
        env = by_name(env, [{"name": "HF_TOKEN", "valueFrom": token}])
    return env


def _fetcher_volumes(md: ModelDeployment, settings: Settings) -> list[Manifest]:
    volumes: list[Manifest] = []
    if md.spec.model.secret_ref:
        # Optional and outside the pod template's text: the commit can be added without rolling pods.
        volumes.append({"name": "pin", "configMap": {"name": pin_name(md.name), "optional": True}})
    if name := settings.fetcher.ca_config_map:
        volumes.append({"name": "ca", "configMap": {"name": name}})
    return volumes


def pin(md: ModelDeployment, commit: str, meta: dict[str, Any]) -> Manifest:
    """The ConfigMap that makes later pods of a private repository fetch the commit that the first one reported."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"commit": commit}}
