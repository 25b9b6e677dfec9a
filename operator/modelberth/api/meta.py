"""What every model of the API shares, and the names that identify the group."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

GROUP = "modelberth.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
SINGULAR = "modeldeployment"
SHORT_NAME = "mdep"

MAX_NAME = 53
"""Longest metadata.name: children add suffixes, and a label or a Service name holds at most 63 characters."""


class Part(BaseModel):
    """A piece of the resource: camelCase in YAML, snake_case in Python, unknown fields refused, never changed.

    Strict, because the API server does not turn "4096" into 4096 either.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)
