"""Valid ModelDeployments of every shape, and settings, for property tests."""

from typing import Any

from hypothesis import strategies as st

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.validation import parse
from modelberth.manifests.children import built, children, chosen_image
from modelberth.manifests.facts import Facts
from modelberth.manifests.names import Manifest
from modelberth.manifests.settings import Settings
from modelberth.planner.plan import Launch
from modelberth.planner.planned import Planned

COMMIT = "0123456789abcdef0123456789abcdef01234567"

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

_URIS = {
    "LlamaCpp": ("hf://org/name", "hf://org/name@v1/q4/a.gguf", "pvc://models/a.gguf", "oci://example.com/m:1"),
    "other": ("hf://org/name", "hf://org/name@refs%2Fpr%2F1", "pvc://models/llama", "pvc://models", "oci://m"),
}
_QUANTIZATIONS = {"LlamaCpp": ("auto", "gguf"), "other": ("auto", "none", "awq", "gptq", "fp8")}
_NAMES = ("a", "llama3", "m" + "x" * 52)
_VARIABLES: tuple[dict[str, Any], ...] = (
    {"name": "PLAIN", "value": "1e3"},
    {"name": "HOME", "value": "/elsewhere"},
    {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    {"name": "TRACING", "valueFrom": {"secretKeyRef": {"name": "tracing", "key": "headers"}}},
)
_WEIGHTS: tuple[dict[str, Any], ...] = (
    {},
    {"cache": {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "shared"}}, "prefetch": True},
    {
        "cache": {
            "type": "PersistentVolumeClaim",
            "persistentVolumeClaim": {"size": "50Gi", "storageClassName": "fast", "accessMode": "ReadWriteOnce"},
        }
    },
)
_POD_TEMPLATES: tuple[dict[str, Any], ...] = (
    {},
    {"metadata": {"labels": {"team": "search"}, "annotations": {"a/b": "c"}}},
    {"spec": {"runtimeClassName": "nvidia", "tolerations": [{"key": "team", "operator": "Exists"}]}},
    {"spec": {"initContainers": [{"name": "first", "image": "busybox", "securityContext": RESTRICTED}]}},
    {"spec": {"containers": [{"name": "beside", "image": "busybox", "securityContext": RESTRICTED}]}},
    {
        "spec": {
            "containers": [{"name": "engine", "volumeMounts": [{"name": "home", "mountPath": "/compiled"}]}],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "caches"}}],
            "affinity": {"nodeAffinity": None, "podAffinity": {}},
        }
    },
)


def facts_of(commit: str | None = COMMIT, launch: Launch | None = None) -> Facts:
    """Facts of a model that fits."""
    return Facts(Planned("True", "Fits", "It fits.", launch or Launch(0.85), {"fits": True}), commit)


def resource(spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A resource: vLLM with a public repository, the fields of ``spec`` replaced."""
    return {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama3", "namespace": "team-a"},
        "spec": {"model": {"uri": "hf://org/name"}, "engine": {"type": "vLLM"}, **(spec or {}), **fields},
    }


def deployment_of(resource: dict[str, Any], settings: Settings | None = None) -> ModelDeployment:
    """The parsed resource; raises InvalidSpec where the test's own resource is wrong."""
    chosen = settings or Settings()
    return parse(resource, lambda engine, device: chosen_image(engine, device, chosen))


def children_of(md: ModelDeployment, facts: Facts, settings: Settings) -> list[Manifest]:
    """What is made of a resource that has nothing yet."""
    return children(md, built(md, facts, settings))


def made(spec: dict[str, Any], facts: Facts | None = None, settings: Settings | None = None) -> dict[str, Manifest]:
    """Children by kind of a ModelDeployment with this spec over the smallest one."""
    known, chosen = facts or facts_of(), settings or Settings()
    return {child["kind"]: child for child in children_of(deployment_of(resource(spec), chosen), known, chosen)}


def pod(spec: dict[str, Any], facts: Facts | None = None, settings: Settings | None = None) -> Manifest:
    """The pod's spec."""
    found: Manifest = made(spec, facts, settings)["Deployment"]["spec"]["template"]["spec"]
    return found


def engine(spec: dict[str, Any], facts: Facts | None = None) -> Manifest:
    """The engine container."""
    found: Manifest = pod(spec, facts)["containers"][0]
    return found


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Valid resources: every engine, device, source of weights, and the parts that reach manifests."""
    kind = draw(st.sampled_from(("vLLM", "SGLang", "LlamaCpp")))
    table = "LlamaCpp" if kind == "LlamaCpp" else "other"
    uri = draw(st.sampled_from(_URIS[table]))
    model: dict[str, Any] = {"uri": uri, "allowPickle": draw(st.booleans())}
    if uri.startswith("hf://") and draw(st.booleans()):
        model["secretRef"] = {"name": "hf-token"}
    sizes = st.sampled_from((1, 2, 4))
    tensor = draw(sizes)
    spec: dict[str, Any] = {
        "model": model,
        "engine": {
            "type": kind,
            "args": draw(st.sampled_from(([], ["--seed", "7"]))),
            "env": draw(st.lists(st.sampled_from(_VARIABLES), unique_by=lambda variable: variable["name"])),
        },
        "quantization": draw(st.sampled_from(_QUANTIZATIONS[table])),
        "parallelism": {
            "tensor": tensor,
            "pipeline": 1 if kind == "LlamaCpp" and tensor > 1 else draw(sizes),
            "data": 1 if kind == "LlamaCpp" else draw(sizes),
        },
        "device": draw(st.sampled_from(("GPU", "CPU"))),
        "gpu": draw(st.sampled_from(({}, {"type": "NVIDIA-L4"}, {"resourceName": "nvidia.com/mig-1g.10gb"}))),
        "replicas": draw(st.sampled_from((0, 1, 3))),
        "podTemplate": draw(st.sampled_from(_POD_TEMPLATES)),
        "resources": draw(_quantities()),
    }
    if spec["device"] == "CPU":
        spec["resources"]["limits"].setdefault("memory", "8Gi")
    if uri.startswith("hf://"):
        spec["weights"] = draw(st.sampled_from(_WEIGHTS))
    if kind != "SGLang" and draw(st.booleans()):
        spec["apiKeySecretRef"] = {"name": "keys"}
    made = resource(spec)
    made["metadata"] = {"name": draw(st.sampled_from(_NAMES)), "namespace": "team-a", "uid": "u-1"}
    return made


@st.composite
def _quantities(draw: st.DrawFn) -> dict[str, Any]:
    """Requests at or below limits, each of them there or not; limits may be below what would be the default request."""
    limits: dict[str, Any] = {}
    requests: dict[str, Any] = {}
    for name, low, high in (
        ("cpu", "100m", "500m"),
        ("cpu", 1, 4),
        ("memory", "64Mi", "128Mi"),
        ("memory", 8589934592, "16Gi"),
        ("ephemeral-storage", "1Gi", "1.5Gi"),
    ):
        given = draw(st.sampled_from(("none", "request", "limit", "both")))
        if name in limits or name in requests:
            continue
        if given in ("request", "both"):
            requests[name] = low
        if given in ("limit", "both"):
            limits[name] = high
    return {"limits": limits, "requests": requests}


SETTINGS = st.builds(
    Settings.model_validate,
    st.fixed_dictionaries(
        {},
        optional={
            "imagePullSecrets": st.just(["registry"]),
            "gpu": st.just({"labelKey": "cloud.example.com/accelerator"}),
            "fetcher": st.just({"env": {"HTTPS_PROXY": "http://p", "HF_HOME": "/x"}, "caConfigMap": "ca"}),
            "engineImages": st.just({"vLLM": {"GPU": "r.example.com/vllm:v0.32.0"}}),
        },
    ),
)
FACTS = st.builds(facts_of, st.sampled_from((None, COMMIT)), st.just(Launch(0.8, 2**30, 8192)))
