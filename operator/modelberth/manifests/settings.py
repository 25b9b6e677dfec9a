"""What the person who installs the operator decides (chart values), as opposed to tenants (the spec).

The chart writes these as one YAML file; ``modelberth operator`` and ``modelberth render`` read it with --config.
"""

from typing import Annotated, Literal

from pydantic import Field

from modelberth.api.meta import Part
from modelberth.api.spec import Device, EngineType


class HubSettings(Part):
    """The model hub that hf:// URIs name. Tenants must not choose where the operator connects."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = "https://huggingface.co"


class FetcherSettings(Part):
    """The init container that downloads weights."""

    image: str = "ghcr.io/modelberth/operator:0.1.0"
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    env: dict[str, str] = Field(default={}, description="Environment of the fetcher: HTTPS_PROXY, NO_PROXY, ...")
    ca_config_map: str | None = Field(
        default=None,
        description="ConfigMap (key ca.crt) in each model's namespace with the CA bundle that the fetcher trusts.",
    )


class GpuSettings(Part):
    """How GPU nodes are told apart in this cluster."""

    label_key: str = Field(
        default="nvidia.com/gpu.product", description="Node label that spec.gpu.type selects (clouds differ)."
    )


class UpgradeSettings(Part):
    """What happens to pods that another version of the operator, or other chart values, would build differently."""

    max_parallel: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description=(
            "ModelDeployments whose pods may be replaced at once; a next one begins when all pods of one answer. "
            "0: each is replaced when its spec changes, or when its annotation modelberth.dev/upgrade does."
        ),
    )


class Settings(Part):
    """Everything the chart configures that shapes children."""

    watch_namespaces: list[str] = Field(default=[], description="Namespaces to serve; empty: the whole cluster.")
    hub: HubSettings = HubSettings()
    fetcher: FetcherSettings = FetcherSettings()
    gpu: GpuSettings = GpuSettings()
    engine_images: dict[EngineType, dict[Device, str]] = Field(
        default={}, description="Images that replace the built-in default of an engine and device."
    )
    upgrade: UpgradeSettings = UpgradeSettings()
    image_pull_secrets: list[str] = Field(default=[], description="Pull secrets that every engine pod gets.")
