"""``ModelDeployment.status``: what the operator says of it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelberth.api.meta import Part


class Condition(Part):
    """One statement about the resource, as kstatus defines them."""

    type: Annotated[str, StringConstraints(max_length=316)] = Field(
        description="Ready, Reconciling, Stalled, WeightsReady or Available."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="One stable word for machines."
    )
    message: Annotated[str, StringConstraints(max_length=32768)] = Field(description="What is going on, for people.")
    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this speaks of.")
    last_transition_time: str = Field(
        description="When status last changed.", json_schema_extra={"format": "date-time"}
    )


class EngineStatus(Part):
    """The engine that serves."""

    image: str | None = Field(default=None, description="Image of the engine container.")
    version: str | None = Field(default=None, description="Version whose flags and rules are used.")
    version_assumed: bool = Field(
        default=False,
        description="Whether the image's version is unknown, so that it is treated as the newest known one.",
    )


class WeightsStatus(Part):
    """The weights that serve."""

    uri: str | None = Field(default=None, description="spec.model.uri that the commit belongs to.")
    commit: str | None = Field(
        default=None, description="Commit of the repository: every replica holds exactly these files."
    )


class Status(Part):
    """What the operator observed."""

    observed_generation: int | None = Field(default=None, description="metadata.generation that this status speaks of.")
    url: str | None = Field(default=None, description="OpenAI-compatible URL inside the cluster.")
    replicas: int | None = Field(default=None, description="Engine pods asked for.")
    ready_replicas: int | None = Field(default=None, description="Engine pods that answer.")
    selector: str | None = Field(default=None, description="Label selector of the engine pods, for autoscalers.")
    engine: EngineStatus | None = None
    weights: WeightsStatus | None = None
    conditions: list[Condition] = Field(
        default=[],
        max_length=32,
        description="Ready, Reconciling, Stalled, WeightsReady, Available.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
