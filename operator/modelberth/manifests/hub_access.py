"""How containers of ours reach the hub: its address, the tenant's token, proxies, and the CA to trust."""

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.merge import by_name
from modelberth.manifests.names import Manifest
from modelberth.manifests.settings import Settings

CA_DIR = "/etc/modelberth/ca"


def hub_env(md: ModelDeployment, settings: Settings) -> list[Manifest]:
    """Environment of a container that talks to the hub."""
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


def ca_mounts(settings: Settings) -> list[Manifest]:
    """The chart's CA bundle, where there is one."""
    return [{"name": "ca", "mountPath": CA_DIR, "readOnly": True}] if settings.fetcher.ca_config_map else []


def ca_volumes(settings: Settings) -> list[Manifest]:
    """Its volume."""
    name = settings.fetcher.ca_config_map
    return [{"name": "ca", "configMap": {"name": name}}] if name else []
