"""One resource per rule that violates only that rule, and values that the schema refuses."""

from collections.abc import Iterator
from dataclasses import dataclass

from modelberth.api.engine_facts import Owned
from modelberth.api.engine_rules import refusal, spellings
from modelberth.api.engine_tables import FACTS
from tests.api.resources import ABSENT, Changes, Resource, resource


@dataclass(frozen=True)
class Violation:
    """What is changed in a valid resource, and the finding that must follow."""

    changes: Changes
    field: str
    words: str
    """Part of the message."""
    engine: str = "vLLM"

    @property
    def resource(self) -> Resource:
        return resource(self.changes, self.engine)

    def __str__(self) -> str:
        return f"{self.engine} {self.changes}"[:100]


def _uri(uri: str, words: str, engine: str = "vLLM") -> Violation:
    return Violation({"spec.model.uri": uri}, "spec.model.uri", words, engine)


CACHE = "spec.weights.cache"


def _claim(claim: Resource, more: Changes | None = None) -> Changes:
    return {CACHE: {"type": "PersistentVolumeClaim", "persistentVolumeClaim": claim}, **(more or {})}


def _host_path(path: str) -> Changes:
    return {CACHE: {"type": "HostPath", "hostPath": {"path": path}}}


GRAMMAR = "must be hf://org/name[@revision]"
DOTS = "must not hold `..`"

GENERAL = (
    *(
        Violation({"metadata.name": name}, "metadata.name", "DNS-1035 label of at most 53 characters")
        for name in ("1a", "a.b", "a-", "a" * 54)
    ),
    *(
        _uri(uri, GRAMMAR)
        for uri in (
            "llama3",
            "hf://name",
            "hf://org/name@",
            "hf://org/name@a b",
            "hf://org/name@%zz",
            "hf://org--x/name",
            "hf://org/name/",
            "s3://bucket/key",
            "pvc://Claim/x",
            "pvc://claim//x",
            "oci://",
            "oci://a b",
            "hf://org/name\n",
        )
    ),
    _uri("pvc://claim/a/../b", DOTS),
    _uri("pvc://claim/./b", DOTS),
    _uri("hf://org/name@a..b", DOTS),
    _uri("hf://org/name/config.json", "one file of a repository"),
    _uri("hf://org/name@refs/pr/1", "one file of a repository"),
    _uri("hf://org/name/model.bin", "one file of a repository", "LlamaCpp"),
    _uri("pvc://claim/folder", "LlamaCpp serves one GGUF file", "LlamaCpp"),
    Violation(
        {"spec.model.uri": "hf://org/name/a.gguf", "spec.quantization": "awq"},
        "spec.quantization",
        "says its own quantization",
        "SGLang",
    ),
    Violation(
        {"spec.model.uri": "oci://image", "spec.model.secretRef": {"name": "x"}},
        "spec.model.secretRef",
        "spec.podTemplate.spec.imagePullSecrets",
    ),
    Violation({"spec.parallelism.data": 2}, "spec.parallelism.data", "raise spec.replicas", "LlamaCpp"),
    Violation(
        {"spec.parallelism": {"tensor": 2, "pipeline": 2}}, "spec.parallelism", "leave the other at 1", "LlamaCpp"
    ),
    Violation({"spec.dtype": "half"}, "spec.dtype", "leave it at auto", "LlamaCpp"),
    Violation({"spec.device": "CPU"}, "spec.resources.limits", "set spec.resources.limits.memory"),
    *(
        Violation({f"spec.resources.{kind}": {name: 1}}, f"spec.resources.{kind}", words)
        for kind in ("limits", "requests")
        for name, words in (
            ("nvidia.com/gpu", "spec.parallelism"),
            ("amd.com/gpu", "spec.parallelism"),
            ("mem", "unknown resource name"),
        )
    ),
    Violation(
        {"spec.gpu.resourceName": "example.com/npu", "spec.resources.limits": {"example.com/npu": "1"}},
        "spec.resources.limits",
        "spec.gpu.resourceName",
    ),
    Violation({"spec.apiKeySecretRef": {"name": "keys"}}, "spec.apiKeySecretRef", "NetworkPolicy", "SGLang"),
    Violation({"spec.autoscaling": {}, "spec.replicas": 2}, "spec.replicas", "is decided by spec.autoscaling"),
    Violation({"spec.autoscaling": {"minReplicas": 2}}, "spec.autoscaling.minReplicas", "raise maxReplicas"),
    Violation(
        {"spec.autoscaling": {"type": "External", "maxReplicas": 4}}, "spec.autoscaling.type", "HPA or ScaledObject"
    ),
    Violation({CACHE: {"type": "PersistentVolumeClaim"}}, f"{CACHE}.persistentVolumeClaim", "a claim that exists"),
    Violation(
        {CACHE: {"persistentVolumeClaim": {"claimName": "models"}}},
        f"{CACHE}.persistentVolumeClaim",
        "set type: PersistentVolumeClaim",
    ),
    Violation({CACHE: {"type": "HostPath"}}, f"{CACHE}.hostPath", "set type: HostPath and hostPath.path"),
    Violation({CACHE: {"hostPath": {"path": "/models"}}}, f"{CACHE}.hostPath", "goes with type HostPath"),
    Violation(_claim({}), f"{CACHE}.persistentVolumeClaim", "needs claimName"),
    Violation(_claim({"claimName": "models", "size": "9Gi"}), f"{CACHE}.persistentVolumeClaim", "and not both"),
    *(
        Violation(
            _claim({"claimName": "models", **more}),
            f"{CACHE}.persistentVolumeClaim.claimName",
            "leave out storageClassName and accessMode",
        )
        for more in ({"storageClassName": "fast"}, {"accessMode": "ReadWriteOnce"})
    ),
    *(
        Violation(_claim({"size": "9Gi"}, {"spec.model.uri": uri}), f"{CACHE}.type", "leave spec.weights out")
        for uri in ("pvc://claim/model", "oci://image")
    ),
    Violation({"spec.weights": {"prefetch": True}}, "spec.weights.prefetch", "downloads into a cache"),
    Violation({"spec.rollout": {"maxUnavailable": 0}}, "spec.rollout.maxUnavailable", "no pod could ever be replaced"),
    Violation({"spec.engine.args": ["--seed 1"]}, "spec.engine.args", "write two items"),
    Violation({"spec.engine.args": ["-O 3"]}, "spec.engine.args", "write two items"),
    Violation(
        {"spec.engine.env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]},
        "spec.engine.env[0]",
        "keep one",
    ),
    Violation({"spec.engine.env": [{"name": "A", "valueFrom": {}}]}, "spec.engine.env[0].valueFrom", "exactly one"),
)

SCHEMA = (
    Violation({"spec.maxmodellen": 1}, "spec.maxmodellen", "did you mean maxModelLen?"),
    Violation({"spec.lora": {}}, "spec.lora", "unknown field"),
    Violation({"spec.weights.cache": {"type": "Claim"}}, "spec.weights.cache.type", "'PersistentVolumeClaim'"),
    *(
        Violation(_host_path(path), f"{CACHE}.hostPath.path", "must match")
        for path in ("models", "/models/../etc", "/models/", "/a:b")
    ),
    Violation({"spec.rollout": {"maxSurge": -1}}, "spec.rollout.maxSurge", "must be >= 0"),
    Violation({"spec.rollout": {"maxSurge": "25%"}}, "spec.rollout.maxSurge", "must be an integer"),
    Violation({"spec.rollout": {"drainTimeout": 120}}, "spec.rollout.drainTimeout", "put it in quotes"),
    Violation({"spec.rollout": {"onFailure": "Pause"}}, "spec.rollout.onFailure", "'Hold', 'Rollback'"),
    Violation({"spec.model.uri": ABSENT}, "spec.model.uri", "is required"),
    Violation({"spec.model.uri": None}, "spec.model.uri", "is required"),
    Violation({"spec.engine.type": "vllm"}, "spec.engine.type", "'vLLM', 'SGLang', 'LlamaCpp'"),
    Violation({"spec.maxModelLen": "4096"}, "spec.maxModelLen", 'must be an integer, not "4096"; remove the quotes'),
    Violation({"spec.maxModelLen": 0}, "spec.maxModelLen", "must be >= 1, not 0"),
    Violation({"spec.maxModelLen": 1.5}, "spec.maxModelLen", "integer"),
    Violation({"spec.maxModelLen": True}, "spec.maxModelLen", "must be an integer, not true"),
    Violation({"spec.gpuMemoryUtilization": 0}, "spec.gpuMemoryUtilization", "must be > 0"),
    Violation({"spec.gpuMemoryUtilization": 1.01}, "spec.gpuMemoryUtilization", "must be <= 1"),
    Violation({"spec.gpuMemoryUtilization": "0.9"}, "spec.gpuMemoryUtilization", "remove the quotes"),
    Violation({"spec.replicas": -1}, "spec.replicas", "must be >= 0"),
    Violation({"spec.autoscaling": {"maxReplicas": 0}}, "spec.autoscaling.maxReplicas", "must be >= 1"),
    Violation({"spec.autoscaling": {"type": "HPA"}}, "spec.autoscaling.type", "'Builtin', 'External'"),
    Violation({"spec.autoscaling": {"scaleDownDelay": 300}}, "spec.autoscaling.scaleDownDelay", "put it in quotes"),
    Violation({"spec.autoscaling": {"idleBeforeZero": "300"}}, "spec.autoscaling.idleBeforeZero", "must match"),
    Violation({"spec.model.trustRemoteCode": "true"}, "spec.model.trustRemoteCode", "true or false"),
    Violation({"spec.engine.args": [1]}, "spec.engine.args[0]", "must be a string, not 1; put it in quotes"),
    Violation({"spec.engine.args": ["x"] * 65}, "spec.engine.args", "at most 64 items, not 65"),
    Violation({"spec.engine.args": "--x"}, "spec.engine.args", "must be a list"),
    Violation({"spec.engine.args": [None]}, "spec.engine.args[0]", "must be a string, not null"),
    Violation({"spec.engine.env": [{"name": "A"}, {"name": "A"}]}, "spec.engine.env[1].name", "given twice"),
    Violation({"spec.engine.env": [{"name": "A", "value": 1}]}, "spec.engine.env[0].value", "put it in quotes"),
    Violation({"spec.resources.limits": {"memory": 0.5}}, "spec.resources.limits.memory", 'write "0.5" in quotes'),
    Violation({"spec.resources.limits": {"memory": "8 GB"}}, "spec.resources.limits.memory", "must be a quantity"),
    Violation({"spec.resources.limits": {"memory": "-1"}}, "spec.resources.limits.memory", "must be a quantity"),
    Violation({"spec.resources.limits": {"memory": -1}}, "spec.resources.limits.memory", "must be a quantity"),
    Violation({"spec.gpu.computeCapability": 8.9}, "spec.gpu.computeCapability", "put it in quotes"),
    Violation({"spec.apiKeySecretRef": {"name": "A_B"}}, "spec.apiKeySecretRef.name", "must match"),
    Violation({"spec.model": []}, "spec.model", "must be a map"),
    Violation({"spec": ABSENT}, "spec", "is required"),
)


def engine_violations() -> Iterator[Violation]:
    """One per rule that is made from the tables of the engines, in the order of the rules."""
    for engine, facts in FACTS.items():
        for name in ("quantization", "kvCacheDtype"):
            yield Violation({f"spec.{name}": "nonsense"}, f"spec.{name}", "use one of auto", engine)
        for owned in facts.owned_flags:
            yield _flag(engine, owned, f"{spellings(owned.spelled)[-1]}=1")
        if facts.config_flags:
            yield Violation(
                {"spec.engine.args": [facts.config_flags[0], "x"]}, "spec.engine.args", "arguments from a file", engine
            )
        for owned in facts.owned_env:
            changes: Changes = {"spec.engine.env": [{"name": owned.names[-1], "value": "1"}]}
            yield Violation(changes, "spec.engine.env", refusal(owned), engine)


def _flag(engine: str, owned: Owned, arg: str) -> Violation:
    return Violation({"spec.engine.args": [arg]}, "spec.engine.args", refusal(owned), engine)


API_SERVER = (*GENERAL, *SCHEMA, *engine_violations())
"""Everything that both the API server and Python refuse."""
