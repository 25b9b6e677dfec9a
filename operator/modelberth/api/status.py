"""``ModelDeployment.status``: what the operator says of it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelberth.api.meta import Part


class Condition(Part):
    """One statement about the resource, as kstatus defines them."""

    type: Annotated[str, StringConstraints(max_length=316)] = Field(
        description="Ready, Reconciling, Stalled, Planned, WeightsReady or Available."
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
    """The weights that the spec asks for."""

    uri: str | None = Field(default=None, description="spec.model.uri that the commit belongs to.")
    commit: str | None = Field(
        default=None, description="Commit of the repository: every replica holds exactly these files."
    )
    phase: Literal["Pending", "Waiting", "Downloading", "Verifying", "Pulling", "Complete", "Failed"] | None = Field(
        default=None,
        description=(
            "Pending (no pod fetches yet), Waiting (another pod downloads into the shared cache), Downloading, "
            "Verifying, Pulling (an image volume, of which Kubernetes tells no more), Complete or Failed."
        ),
    )
    downloaded_bytes: int | None = Field(default=None, ge=0, description="Bytes that are there.")
    total_bytes: int | None = Field(default=None, ge=0, description="Bytes of all files.")
    bytes_per_second: int | None = Field(default=None, ge=0, description="Speed of the last seconds.")
    eta_seconds: int | None = Field(default=None, ge=0, description="Seconds left at that speed.")


class PerGpuStatus(Part):
    """Memory of the fullest GPU of a replica; device CPU: of the container's memory limit."""

    total_gib: float = Field(alias="totalGiB", description="Memory of the GPU in GiB.")
    budget_gib: float = Field(alias="budgetGiB", description="Of it, what gpuMemoryUtilization lets the engine use.")
    weights_gib: float = Field(alias="weightsGiB", description="Weights.")
    activation_gib: float = Field(alias="activationGiB", description="Peak of the activations.")
    overhead_gib: float = Field(alias="overheadGiB", description="Runtime, communication buffers and CUDA graphs.")
    kv_cache_gib: float = Field(alias="kvCacheGiB", description="What is left for the KV cache.")


class AdviceStatus(Part):
    """A change that was planned and fits."""

    change: Annotated[str, StringConstraints(max_length=512)] = Field(description="In the words of the spec.")
    fits: bool = Field(description="Always true.")
    kv_cache_tokens: int = Field(ge=0, description="Tokens that the KV cache would hold.")
    max_concurrency: float = Field(ge=0, description="Requests of maxModelLen tokens that it would hold at once.")


class PlanStatus(Part):
    """What the memory planner expects of one replica."""

    fits: bool | None = Field(default=None, description="Whether it fits; missing where it could not be judged.")
    estimated: bool = Field(default=False, description="Whether something had to be assumed.")
    gpus_per_replica: int = Field(default=0, ge=0, description="tensor x pipeline x data; 0 on device CPU.")
    per_gpu: PerGpuStatus | None = None
    kv_cache_tokens: int | None = Field(default=None, ge=0, description="Tokens that the KV cache holds.")
    max_concurrency: float | None = Field(
        default=None, ge=0, description="Requests of maxModelLen tokens that the KV cache holds at once."
    )
    advice: list[AdviceStatus] = Field(default=[], max_length=5, description="What would fit, best first.")


class ObservedStatus(Part):
    """What the running engine says of itself."""

    kv_cache_tokens: int | None = Field(default=None, ge=0, description="Tokens that its KV cache holds.")
    max_concurrency: float | None = Field(default=None, ge=0, description="Requests of maxModelLen tokens at once.")
    plan_error_percent: float | None = Field(
        default=None, description="100 x (plan - observed) / observed, in tokens: positive where the plan said more."
    )


class AutoscalingStatus(Part):
    """What the built-in autoscaling decided."""

    current_replicas: int | None = Field(default=None, ge=0, description="Engine pods that exist.")
    desired_replicas: int | None = Field(default=None, ge=0, description="Engine pods that were decided on.")
    target_concurrency: int | None = Field(default=None, ge=1, description="Requests that one pod is meant for.")
    target_from: Literal["Spec", "Plan", "MaxNumSeqs", "Default"] | None = Field(
        default=None, description="Where targetConcurrency comes from."
    )
    reason: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Why: one stable word for machines."
    )
    message: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Why, for people, with the numbers of the moment of the decision."
    )
    activator_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the activator that is this model's own."
    )
    last_scale_time: str | None = Field(
        default=None,
        description="When the number of pods asked for last changed.",
        json_schema_extra={"format": "date-time"},
    )


class RolloutStatus(Part):
    """How the newest revision of the pods came to be, or did not."""

    rolled_back: bool = Field(
        default=False, description="Whether the pods are those of the last revision that worked (rollout.onFailure)."
    )
    upgrade_available: bool = Field(
        default=False,
        description=(
            "Whether another version of the operator, or other chart values, would build other pods. They roll with "
            "the next change of the spec, or when the annotation modelberth.dev/upgrade changes."
        ),
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
    plan: PlanStatus | None = None
    observed: ObservedStatus | None = None
    autoscaling: AutoscalingStatus | None = None
    rollout: RolloutStatus | None = None
    conditions: list[Condition] = Field(
        default=[],
        max_length=32,
        description="Ready, Reconciling, Stalled, Planned, WeightsReady, Available.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
