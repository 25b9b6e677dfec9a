"""``ModelDeployment.spec``: what to serve. Docstrings and descriptions become what ``kubectl explain`` shows.

Bounds of single fields live here (they become the schema); rules that join fields live in ``rules.py``.
Every string and list is bounded: the API server estimates the cost of CEL rules from the bounds.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from modelberth.api.meta import Part
from modelberth.api.scalars import INTEGRAL, Duration, Name, Quantity, Text, Word

EngineType = Literal["vLLM", "SGLang", "LlamaCpp"]
Device = Literal["GPU", "CPU"]
Dtype = Literal["auto", "half", "bfloat16", "float32"]


class SecretRef(Part):
    """A Secret in the namespace of the ModelDeployment."""

    name: Name = Field(description="Name of the Secret.")


class KeyRef(Part):
    """One key of a Secret in the namespace of the ModelDeployment."""

    name: Name = Field(description="Name of the Secret.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="api-key", description="Key in the Secret."
    )


class Model(Part):
    """Which weights to serve, and under which name."""

    uri: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description=(
            "Where the weights are: hf://org/name[@revision][/file.gguf] (a repository of the model hub; one file of "
            "it only for GGUF), pvc://claim[/path] (a PersistentVolumeClaim of this namespace) or oci://image (an "
            "image volume; LlamaCpp serves /model.gguf of it). A revision runs from @ up to the next / or the end; "
            "percent-encode slashes in it."
        )
    )
    served_name: (
        Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")]
        | None
    ) = Field(default=None, description="Name of the model in the OpenAI API. Default: metadata.name.")
    secret_ref: SecretRef | None = Field(
        default=None,
        description=(
            "Secret whose key HF_TOKEN opens a private or gated repository of the model hub. Only the "
            "fetcher and the pod that reads the model's files see it."
        ),
    )
    trust_remote_code: bool = Field(
        default=False,
        description="Run Python code that the model repository ships. Only for repositories that you trust.",
    )
    allow_pickle: bool = Field(
        default=False,
        description=(
            "Download pickle checkpoints (*.bin, *.pt) when the repository has no safetensors. Unpickling runs code."
        ),
    )


class SecretKeySelector(Part):
    """A key of a Secret."""

    name: Name = Field(description="Name of the Secret.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(description="Key in the Secret.")
    optional: bool | None = Field(default=None, description="Whether the Secret or its key may be missing.")


class ConfigMapKeySelector(Part):
    """A key of a ConfigMap."""

    name: Name = Field(description="Name of the ConfigMap.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(description="Key in the ConfigMap.")
    optional: bool | None = Field(default=None, description="Whether the ConfigMap or its key may be missing.")


class FieldSelector(Part):
    """A field of the pod."""

    field_path: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Path of the field, such as status.podIP."
    )
    api_version: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Version of the schema of the path. Default: v1."
    )


class ResourceFieldSelector(Part):
    """A resource of a container."""

    resource: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Resource, such as limits.memory."
    )
    container_name: Name | None = Field(default=None, description="Name of the container. Default: engine.")
    divisor: Quantity | None = Field(default=None, description="Unit of the value. Default: 1.")


class EnvSource(Part):
    """Where the value of an environment variable comes from, as in a Pod: exactly one of the fields."""

    secret_key_ref: SecretKeySelector | None = Field(default=None, description="A key of a Secret.")
    config_map_key_ref: ConfigMapKeySelector | None = Field(default=None, description="A key of a ConfigMap.")
    field_ref: FieldSelector | None = Field(default=None, description="A field of the pod.")
    resource_field_ref: ResourceFieldSelector | None = Field(
        default=None, description="A resource of the engine container."
    )


class EnvVar(Part):
    """An environment variable of the engine container, as in a Pod."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")] = (
        Field(description="Name of the variable.")
    )
    value: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        default=None, description="Its value: a string, so quote numbers."
    )
    value_from: EnvSource | None = Field(default=None, description="Where the value comes from instead.")


class Engine(Part):
    """Which inference engine serves the model, and what it is told beyond the typed fields."""

    type: EngineType = Field(description="vLLM, SGLang or LlamaCpp.")
    image: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^ \t\r\n]+$")] | None = Field(
        default=None, description="Container image. Default: the operator's pin for this engine and device."
    )
    version: (
        Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")] | None
    ) = Field(
        default=None,
        description=(
            "Version of the engine in the image, where its tag does not say it: 0.32.0, or b11669 for LlamaCpp. "
            "An unknown version is treated as the newest known one, and status says so."
        ),
    )
    args: list[Text] = Field(
        default=[],
        max_length=64,
        description=(
            "Arguments passed to the engine as they are, a flag and its value as two items or joined by `=`. "
            "A flag that a field of this spec sets is refused."
        ),
    )
    env: list[EnvVar] = Field(
        default=[],
        max_length=64,
        description="Environment of the engine. A variable that a field of this spec sets is refused.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )


class Parallelism(Part):
    """How one replica is spread over GPUs. GPUs per replica = tensor x pipeline x data."""

    tensor: Annotated[int, Field(ge=1, le=1024), INTEGRAL] = Field(
        default=1, description="GPUs that share every layer."
    )
    pipeline: Annotated[int, Field(ge=1, le=256), INTEGRAL] = Field(
        default=1,
        description=(
            "Stages that the layers are cut into, each on GPUs of its own. LlamaCpp: tensor or pipeline, not both."
        ),
    )
    data: Annotated[int, Field(ge=1, le=256), INTEGRAL] = Field(
        default=1, description="Copies of the model inside one replica. Not for LlamaCpp: use replicas."
    )


class Gpu(Part):
    """Which GPU the model runs on."""

    type: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Product label of the node (NVIDIA-L4, ...). Pods go only to nodes that carry it, and the planner judges "
            "whether the model fits that GPU. Without it (and without gpu.memoryGiB) nothing is judged."
        ),
    )
    resource_name: Annotated[
        str,
        StringConstraints(
            min_length=3,
            max_length=253,
            pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        ),
    ] = Field(default="nvidia.com/gpu", description="Resource that the device plugin publishes.")
    memory_gib: Annotated[float, Field(gt=0, le=4096)] | None = Field(
        default=None,
        alias="memoryGiB",
        description="Memory of one GPU in GiB, as the driver reports it. Default: what the catalogue says of gpu.type.",
    )
    compute_capability: Annotated[str, StringConstraints(max_length=8, pattern=r"^[0-9]{1,2}\.[0-9]$")] | None = Field(
        default=None,
        description='Compute capability, such as "8.9" (a string). Default: what the catalogue says of gpu.type.',
    )


class Resources(Part):
    """cpu, memory and the like of the engine container. The GPU count comes from parallelism."""

    limits: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(
        default={}, description="Upper bounds by resource name. Device CPU needs memory: it is the budget of the model."
    )
    requests: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(
        default={}, description="What the scheduler sets aside, by resource name."
    )


class Autoscaling(Part):
    """Who decides how many engine pods there are, and by what."""

    type: Literal["Builtin", "External"] = Field(
        default="Builtin",
        description=(
            "Builtin: the operator asks the engines for their requests and decides. External: Modelberth leaves the "
            "number alone, for an HPA or KEDA that points at this resource or at its Deployment."
        ),
    )
    min_replicas: Annotated[int, Field(ge=0, le=10_000), INTEGRAL] = Field(
        default=1,
        description="Fewest engine pods. 0: an idle model has none; its next request is held and starts one.",
    )
    max_replicas: Annotated[int, Field(ge=1, le=10_000), INTEGRAL] = Field(
        default=1, description="Most engine pods: with GPUs, what you are ready to pay for."
    )
    target_concurrency: Annotated[int, Field(ge=1, le=1_000_000), INTEGRAL] | None = Field(
        default=None,
        description=(
            "Requests, running and waiting, that one pod is meant for. Default: what the plan says of the KV cache "
            "(status.plan.maxConcurrency), at most maxNumSeqs; status.autoscaling tells which it is."
        ),
    )
    scale_down_delay: Duration = Field(
        default="300s", description="Pods are taken away only when fewer were enough for this long: 300s, 5m, 1h30m."
    )
    idle_before_zero: Duration = Field(
        default="600s", description="With minReplicas 0: time without a request after which the last pod goes."
    )


class ClaimCache(Part):
    """A PersistentVolumeClaim that keeps downloaded weights: one that exists, or one that is made."""

    claim_name: Name | None = Field(
        default=None, description="A claim of this namespace; it outlives the ModelDeployment. Instead of size."
    )
    size: Quantity | None = Field(
        default=None,
        description=(
            "Size of a claim that is made for this ModelDeployment, named like it with -weights behind, and deleted "
            "with it. Instead of claimName."
        ),
    )
    storage_class_name: Name | None = Field(
        default=None, description="Storage class of the claim that is made. Default: the cluster's."
    )
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany",
        description="Of the claim that is made. ReadWriteOnce: every pod must run on one node.",
    )


class HostPathCache(Part):
    """A directory of every node that keeps downloaded weights."""

    path: Annotated[
        str, StringConstraints(min_length=2, max_length=1024, pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")
    ] = Field(
        description=(
            "Directory on the node, which must exist and be writable for uid 10001. The namespace's Pod Security must "
            "allow hostPath (neither restricted nor baseline does); a local PersistentVolume needs no such allowance."
        )
    )


class Cache(Part):
    """Where downloaded weights stay when their pod goes. One download serves every pod that shares the cache."""

    type: Literal["None", "PersistentVolumeClaim", "HostPath"] = Field(
        default="None", description="None: every pod downloads for itself, into an emptyDir."
    )
    persistent_volume_claim: ClaimCache | None = Field(default=None, description="For type PersistentVolumeClaim.")
    host_path: HostPathCache | None = Field(default=None, description="For type HostPath.")


class Weights(Part):
    """How the weights of an hf:// URI reach the pods."""

    cache: Cache = Cache()
    prefetch: bool = Field(
        default=False,
        description=(
            "Download into the cache before any engine pod asks for it: while replicas is 0, a pod without GPUs does "
            "it. HostPath: on the one node where that pod is scheduled."
        ),
    )


class Rollout(Part):
    """How pods are replaced, and how long they may take to finish what they stream."""

    max_surge: Annotated[int, Field(ge=0, le=10_000), INTEGRAL] = Field(
        default=0,
        description=(
            "Pods above the number asked for while a new revision comes: each needs free GPUs. With 1 or more the last "
            "pod that answers is never taken away before a new one answers."
        ),
    )
    max_unavailable: Annotated[int, Field(ge=0, le=10_000), INTEGRAL] = Field(
        default=1,
        description=(
            "Pods that may be missing while a new revision comes. With one replica and maxSurge 0 nothing answers "
            "while it is replaced; with more replicas one always stays."
        ),
    )
    drain_timeout: Duration = Field(
        default="120s",
        description="Time that running requests get when their pod is to go, whatever the cause: 120s, 10m.",
    )
    on_failure: Literal["Hold", "Rollback"] = Field(
        default="Hold",
        description=(
            "What happens when pods of a new revision fail. Hold: what still runs of the older one goes on. Rollback: "
            "the pods are made as they were when they last all answered, until the spec is changed again."
        ),
    )


class PodTemplate(Part):
    """Metadata and spec that are merged over the pod that Modelberth builds, with Kubernetes' own merge keys."""

    metadata: dict[str, Any] = Field(default={}, description="Labels and annotations to add to the pods.")
    spec: dict[str, Any] = Field(
        default={},
        description=(
            "Pod spec to merge: containers, initContainers, volumes and env by name, volumeMounts by mountPath, ports "
            "by containerPort; anything else replaces. The engine container is named `engine`; its image, args and "
            "resources have fields of their own."
        ),
    )


class Spec(Part):
    """What to serve."""

    model: Model
    engine: Engine
    quantization: Word = Field(
        default="auto",
        description=(
            "auto (what the checkpoint says), none, awq, gptq, fp8, bitsandbytes, gguf, compressed-tensors, ... "
            "as the engine knows it."
        ),
    )
    dtype: Dtype = Field(
        default="auto",
        description="Type of activations and unquantized weights. LlamaCpp: auto, the GGUF file says it.",
    )
    parallelism: Parallelism = Parallelism()
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.9,
        description="Share of each GPU (device CPU: of the memory limit) that the engine may use, in (0, 1].",
    )
    max_model_len: Annotated[int, Field(ge=1, le=100_000_000), INTEGRAL] | None = Field(
        default=None,
        description="Longest sequence (prompt and answer) in tokens. Default: what the model was made for.",
    )
    max_num_seqs: Annotated[int, Field(ge=1, le=65536), INTEGRAL] | None = Field(
        default=None, description="Sequences decoded together. Default: the engine's own (LlamaCpp: 4 slots)."
    )
    kv_cache_dtype: Word = Field(
        default="auto", description="Type of the KV cache: auto, fp8, ... as the engine knows it."
    )
    device: Device = Field(default="GPU", description="GPU, or CPU for small models, laptops and CI.")
    gpu: Gpu = Gpu()
    resources: Resources = Resources()
    replicas: Annotated[int, Field(ge=0, le=10_000), INTEGRAL] = Field(
        default=1, description="Engine pods. `kubectl scale` sets this; with autoscaling Builtin it stays 1."
    )
    autoscaling: Autoscaling | None = Field(
        default=None, description="Follow the load. Without it there are spec.replicas pods."
    )
    weights: Weights = Weights()
    rollout: Rollout = Rollout()
    api_key_secret_ref: KeyRef | None = Field(
        default=None, description="API key that clients must send as a bearer token. Not for SGLang, which prints it."
    )
    pod_template: PodTemplate = PodTemplate()
