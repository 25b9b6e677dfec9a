"""The gallery: one exhibit for each reason, made for real where this cluster can."""

from e2e.failures.exhibit import (
    BREAKS_OFF,
    LEAN,
    NOBODY,
    OTHER_BYTES,
    TOO_LARGE,
    Exhibit,
    Raw,
    engine,
    lean,
    program,
    through,
)
from e2e.failures.surroundings import GPU, SCARCE, WEBHOOK
from e2e.resources import GGUF

NOWHERE = "127.0.0.1:1/nobody/nothing:b1"
LLAMA = {"type": "LlamaCpp", "args": ["--threads", "1"]}


def warned(resource: Raw) -> Raw:
    """As somebody who knows better than the planner applies it."""
    annotations = {"modelberth.dev/plan-policy": "Warn"}
    return {**resource, "metadata": {**resource["metadata"], "annotations": annotations}}


def asks(resource: str, amount: str) -> Raw:
    """spec.resources with an extended resource."""
    return {**LEAN, "limits": {**LEAN["limits"], resource: amount}}


def on_gpu(name: str, script: str, image: str) -> Raw:
    """llama.cpp on a GPU that no CUDA is behind: a script says what a real one said."""
    return lean(
        name,
        device="GPU",
        gpu={"resourceName": GPU, "memoryGiB": 24},
        engine={"type": "LlamaCpp", "image": image, "version": "b11669"},
        podTemplate=program(script),
    )


def probed_at(probe: str, path: str, **more: int) -> Raw:
    """podTemplate whose engine is asked at another path by one of its probes."""
    return engine(**{probe: {"httpGet": {"path": path, "port": "http"}, "periodSeconds": 1, **more}})


def engine_not_ready(pod: Raw) -> bool:
    """The engine has started and is not ready."""
    containers = pod["status"].get("containerStatuses") or []
    return any(one["name"] == "engine" and one.get("started") and not one.get("ready") for one in containers)


def on_its_node(pod: Raw) -> bool:
    """The scheduler is done with it."""
    return bool(pod["spec"].get("nodeName"))


SPEC = (
    Exhibit(
        "invalid",
        "InvalidSpec",
        lean("invalid", podTemplate=engine(volumeMounts=[{"name": "no-such-volume", "mountPath": "/data"}])),
        ("no-such-volume", "spec.podTemplate"),
    ),
    Exhibit(
        "too-big",
        "DoesNotFit",
        lean("too-big", resources={**LEAN, "limits": {"memory": "100Mi"}}),
        ("memory limit", "It fits with"),
    ),
    Exhibit("taken", "NameConflict", lean("taken"), ("Service named taken", "another name")),
)

MODEL = (
    Exhibit(
        "no-model",
        "ModelNotFound",
        lean("no-model", model={"uri": "hf://modelberth/no-such-model"}),
        ("no-such-model", "private"),
    ),
    Exhibit("gated", "ModelGated", lean("gated", model={"uri": "hf://modelberth/gated"}), ("gated", "secretRef")),
    Exhibit(
        "no-revision",
        "RevisionNotFound",
        lean("no-revision", model={"uri": f"{GGUF}@no-such-branch"}),
        ("no-such-branch",),
    ),
    Exhibit(
        "no-hub",
        "HubUnreachable",
        lean("no-hub", fetch=through(NOBODY)),
        ("hub",),
        stalled=False,
    ),
    Exhibit(
        "broken-off",
        "DownloadFailed",
        lean("broken-off", fetch=through(BREAKS_OFF)),
        ("peer closed connection",),
        stalled=False,
    ),
    Exhibit(
        "no-disk",
        "NotEnoughDisk",
        lean("no-disk", fetch=through(TOO_LARGE)),
        ("are free in /models", "spec.weights.cache"),
    ),
    Exhibit("other-bytes", "CheckpointCorrupt", lean("other-bytes", fetch=through(OTHER_BYTES)), ("the hub states",)),
)

IMAGES_AND_OBJECTS = (
    Exhibit(
        "no-image",
        "ImagePullFailed",
        lean("no-image", engine={"type": "LlamaCpp", "image": NOWHERE}),
        (NOWHERE, "container engine", "does not reach the registry"),
    ),
    Exhibit(
        "no-model-image",
        "ImagePullFailed",
        lean("no-model-image", model={"uri": f"oci://{NOWHERE}"}),
        (f"The image {NOWHERE} of spec.model.uri cannot be pulled",),
    ),
    Exhibit(
        "no-secret",
        "ConfigMissing",
        lean(
            "no-secret",
            engine={
                **LLAMA,
                "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "token"}}}],
            },
        ),
        ("Container engine", "no Secret nowhere"),
    ),
    Exhibit(
        "no-key",
        "ConfigMissing",
        lean("no-key", apiKeySecretRef={"name": "nowhere", "key": "api-key"}),
        ("Secret nowhere",),
        stalled=False,
        begins=on_its_node,
    ),
    Exhibit(
        "no-claim",
        "ConfigMissing",
        lean("no-claim", model={"uri": "pvc://nowhere/model.gguf"}),
        ("PersistentVolumeClaim nowhere",),
    ),
    Exhibit(
        "no-account",
        "ConfigMissing",
        lean("no-account", podTemplate={"spec": {"serviceAccountName": "nobody"}}),
        ("ServiceAccount nobody", "serviceAccountName"),
    ),
)

PLACES = (
    Exhibit(
        "no-node",
        "Unschedulable",
        lean("no-node", resources=asks(GPU, "64")),
        (f"needs 64 {GPU}", "0 of ", f"too little free {GPU}"),
        stalled=False,
    ),
    Exhibit(
        "pending-claim",
        "Unschedulable",
        lean("pending-claim", model={"uri": "pvc://pending/model.gguf"}),
        ("no volume is bound",),
        stalled=False,
    ),
    Exhibit(
        "quota",
        "QuotaExceeded",
        lean("quota", resources=asks(SCARCE, "1")),
        ("ResourceQuota scarce", f"limited: requests.{SCARCE}=0"),
        stalled=False,
    ),
    Exhibit(
        "insecure",
        "PodRejected",
        lean("insecure", podTemplate={"spec": {"hostNetwork": True}}),
        ("Pod Security restricted", "hostNetwork"),
    ),
    Exhibit(
        "webhook",
        "PodRejected",
        lean("webhook", podTemplate={"metadata": {"labels": {"example.com/policy": "asked"}}}),
        (WEBHOOK, "does not answer"),
        stalled=False,
    ),
)

ENGINE = (
    Exhibit(
        "bad-flag",
        "EngineArgsRejected",
        lean("bad-flag", engine={"type": "LlamaCpp", "args": ["--no-such-flag-at-all"]}),
        ("--no-such-flag-at-all", "spec.engine.args"),
    ),
    Exhibit(
        "unknown",
        "UnsupportedModel",
        lean("unknown", model={"uri": "pvc://odd/unknown.gguf"}),
        ("alpac",),
    ),
    Exhibit("cut", "CheckpointCorrupt", lean("cut", model={"uri": "pvc://odd/cut.gguf"}), ("cannot read the weights",)),
    Exhibit(
        "killed",
        "OutOfMemory",
        warned(
            lean(
                "killed",
                engine={"type": "LlamaCpp", "args": ["--threads", "1", "--load-mode", "none"]},
                resources={**LEAN, "limits": {"memory": "80Mi"}},
            )
        ),
        ("The engine was killed at its memory limit of 80Mi", "spec.resources.limits.memory"),
    ),
    Exhibit(
        "fetch-killed",
        "OutOfMemory",
        lean(
            "fetch-killed",
            fetch={"resources": {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "24Mi"}}},
        ),
        ("The fetcher was killed at its memory limit of 24Mi",),
    ),
    Exhibit(
        "relay-killed",
        "RelayFailed",
        lean(
            "relay-killed",
            podTemplate={
                "spec": {
                    "initContainers": [
                        {"name": "relay", "resources": {"requests": {"memory": "6Mi"}, "limits": {"memory": "6Mi"}}}
                    ]
                }
            },
        ),
        ("The relay",),
    ),
    Exhibit(
        "sidecar",
        "CrashLoop",
        lean(
            "sidecar",
            podTemplate={
                "spec": {
                    "containers": [
                        {
                            "name": "proxy",
                            "image": "HUB",
                            "command": ["sh", "-c", "echo no configuration >&2; exit 3"],
                            "resources": {"requests": {"cpu": "10m"}},
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                        }
                    ]
                }
            },
        ),
        ("Container proxy ends again and again", "exit code 3", "no configuration"),
    ),
    Exhibit(
        "no-program",
        "CrashLoop",
        lean("no-program", engine={"type": "LlamaCpp", "image": "HUB", "version": "b11669"}),
        ("The engine cannot be started", "/app/llama-server"),
    ),
    Exhibit(
        "gpu-out", "OutOfGpuMemory", on_gpu("gpu-out", "gpu-out", "HUB"), ("cudaMalloc failed", "called it fitting")
    ),
    Exhibit(
        "old-driver", "DriverTooOld", on_gpu("old-driver", "old-driver", "HUB"), ("driver version is insufficient",)
    ),
)

HEALTH = (
    Exhibit(
        "slow-start",
        "StartTimeout",
        lean("slow-start", podTemplate=probed_at("startupProbe", "/no-such-path", failureThreshold=8)),
        ("within 8 s of its start", "startupProbe.failureThreshold"),
    ),
    Exhibit(
        "never-ready",
        "Unhealthy",
        lean("never-ready", podTemplate=probed_at("readinessProbe", "/no-such-path")),
        ("does not answer its probes",),
        stalled=False,
        begins=engine_not_ready,
    ),
)

EXHIBITS = (*SPEC, *MODEL, *IMAGES_AND_OBJECTS, *PLACES, *ENGINE, *HEALTH)
