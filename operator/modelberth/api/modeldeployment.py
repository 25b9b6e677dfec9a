"""The kind ModelDeployment as a whole."""

from typing import Any, Literal

from pydantic import Field

from modelberth.api.meta import Part
from modelberth.api.spec import Spec
from modelberth.api.status import Status


class ModelDeployment(Part):
    """One model served by one engine: apply it and get an OpenAI-compatible URL."""

    api_version: Literal["modelberth.dev/v1alpha1"] = "modelberth.dev/v1alpha1"
    kind: Literal["ModelDeployment"] = "ModelDeployment"
    metadata: dict[str, Any] = Field(description="Standard object metadata.")
    spec: Spec
    status: Status | None = None

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "default")
