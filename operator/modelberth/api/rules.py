"""Static rules: each lives once, as CEL, and holds twice: in the API server (through the CRD) and in Python.

Expressions keep to what Kubernetes and the Python package ``common-expression-language`` both have: operators, has(),
all/exists/exists_one/filter/map, ``in``, size() of lists and maps, startsWith, endsWith, contains, matches. Not size()
of strings (the package counts bytes), nor the string extensions (lowerAscii, replace, split), which it lacks.
Regular expressions keep to what RE2, Rust and Python read alike, and hold neither quotes nor backslashes.
"""

from dataclasses import dataclass

from modelberth.api import uri
from modelberth.api.meta import MAX_NAME


@dataclass(frozen=True)
class Rule:
    """``expression`` must be true of ``self``, the value at ``path``, with defaults applied."""

    path: str
    """Where it stands in the schema: "" (the resource), "spec", "spec.engine.env[]" (each item)."""
    expression: str
    message: str
    """What is wrong and what to do instead, without the field."""
    field: str
    """The field to blame, relative to ``path``, with a leading dot; empty is ``path`` itself."""


def literal(text: str) -> str:
    """A CEL string literal. Quotes and backslashes are not needed here, and would be escaped differently by YAML."""
    if set(text) & {"'", "\\", "\n"}:
        raise ValueError(f"{text!r} holds a quote, a backslash or a line break")
    return f"'{text}'"


def _uri_is(pattern: str) -> str:
    return f"self.model.uri.matches({literal(pattern)})"


_FILE = f"({_uri_is(uri.HUB_FILE)} && {_uri_is(uri.HUB)})"
_ACCELERATOR = "^(nvidia[.]com|amd[.]com|gpu[.]intel[.]com|habana[.]ai|aws[.]amazon[.]com|google[.]com|huawei[.]com)/"
_RESOURCE = "^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMGTPE]i|[a-z0-9.-]+/[A-Za-z0-9_.-]+)$"

GENERAL: tuple[Rule, ...] = (
    Rule(
        path="",
        expression=f"self.metadata.name.matches('^[a-z]([-a-z0-9]{{0,{MAX_NAME - 2}}}[a-z0-9])?$')",
        message=(
            f"must be a DNS-1035 label of at most {MAX_NAME} characters (lower-case letters, digits and -, a letter "
            "first): the Service gets this name and other children add to it; rename the resource"
        ),
        field=".metadata.name",
    ),
    Rule(
        path="spec",
        expression=" || ".join(_uri_is(pattern) for pattern in (uri.HUB, uri.CLAIM, uri.IMAGE)),
        message=(
            "must be hf://org/name[@revision][/file.gguf], pvc://claim[/path] or oci://image; a revision runs from @ "
            "up to the next / or the end, so write slashes in it as %2F"
        ),
        field=".model.uri",
    ),
    Rule(
        path="spec",
        expression=f"!{_uri_is(uri.DOTS)}",
        message="must not hold `..` or `/.`: nothing outside of the model's own folder is served; write the path out",
        field=".model.uri",
    ),
    Rule(
        path="spec",
        expression=f"!{_FILE} || {_uri_is(uri.GGUF)}",
        message=(
            "one file of a repository can be served only for LlamaCpp or GGUF, and must end with .gguf; to serve the "
            "whole repository write hf://org/name[@revision] (slashes in a revision as %2F)"
        ),
        field=".model.uri",
    ),
    Rule(
        path="spec",
        expression=(f"self.engine.type != 'LlamaCpp' || !self.model.uri.startsWith('pvc://') || {_uri_is(uri.GGUF)}"),
        message="LlamaCpp serves one GGUF file: name it, as in pvc://claim/folder/model.gguf",
        field=".model.uri",
    ),
    Rule(
        path="spec",
        expression=(
            f"!{_uri_is(uri.GGUF)} || self.model.uri.startsWith('oci://') || self.quantization in ['auto', 'gguf']"
        ),
        message="the URI names a GGUF file, which says its own quantization; use auto (the default) or gguf",
        field=".quantization",
    ),
    Rule(
        path="spec",
        expression="!has(self.model.secretRef) || self.model.uri.startsWith('hf://')",
        message=(
            "is the token of the model hub and has no use here: leave it out; pull secrets of an oci:// image go to "
            "spec.podTemplate.spec.imagePullSecrets"
        ),
        field=".model.secretRef",
    ),
    Rule(
        path="spec",
        expression="self.engine.type != 'LlamaCpp' || self.parallelism.data == 1",
        message="LlamaCpp has no data parallelism; leave it at 1 and raise spec.replicas instead",
        field=".parallelism.data",
    ),
    Rule(
        path="spec",
        expression=("self.engine.type != 'LlamaCpp' || self.parallelism.tensor == 1 || self.parallelism.pipeline == 1"),
        message=(
            "LlamaCpp spreads a model by rows (tensor) or by layers (pipeline), not by both; give the number of GPUs "
            "to one of them and leave the other at 1"
        ),
        field=".parallelism",
    ),
    Rule(
        path="spec",
        expression="self.engine.type != 'LlamaCpp' || self.dtype == 'auto'",
        message="LlamaCpp takes the types from the GGUF file; leave it at auto and choose another file instead",
        field=".dtype",
    ),
    Rule(
        path="spec",
        expression="self.device != 'CPU' || 'memory' in self.resources.limits",
        message="device CPU needs a memory limit, the budget of weights and KV cache; set spec.resources.limits.memory",
        field=".resources.limits",
    ),
    *(
        rule
        for kind in ("limits", "requests")
        for rule in (
            Rule(
                path="spec",
                expression=(
                    f"!self.resources.{kind}.exists(name, name == self.gpu.resourceName || "
                    f"name.matches({literal(_ACCELERATOR)}))"
                ),
                message=(
                    "must not count GPUs: their number is spec.parallelism (tensor x pipeline x data) and their "
                    "resource spec.gpu.resourceName; leave them out"
                ),
                field=f".resources.{kind}",
            ),
            Rule(
                path="spec",
                expression=f"self.resources.{kind}.all(name, name.matches({literal(_RESOURCE)}))",
                message=(
                    "has an unknown resource name; use cpu, memory, ephemeral-storage, hugepages-SIZE or a "
                    "domain/name of a device plugin"
                ),
                field=f".resources.{kind}",
            ),
        )
    ),
    Rule(
        path="spec",
        expression="self.engine.type != 'SGLang' || !has(self.apiKeySecretRef)",
        message=(
            "SGLang takes its key only as an argument and prints it to its log; guard the Service with a NetworkPolicy "
            "or a gateway, or use engine.type vLLM or LlamaCpp"
        ),
        field=".apiKeySecretRef",
    ),
    Rule(
        path="spec",
        expression="!has(self.autoscaling) || self.autoscaling.type != 'Builtin' || self.replicas == 1",
        message=(
            "is decided by spec.autoscaling; leave it out (or 1) and set autoscaling.minReplicas and maxReplicas, or "
            "take spec.autoscaling away to scale by hand"
        ),
        field=".replicas",
    ),
    Rule(
        path="spec.autoscaling",
        expression="self.type != 'Builtin' || self.minReplicas <= self.maxReplicas",
        message="must not be more than maxReplicas; raise maxReplicas or lower minReplicas",
        field=".minReplicas",
    ),
    Rule(
        path="spec.autoscaling",
        expression=(
            "self.type != 'External' || "
            "(self.minReplicas == 1 && self.maxReplicas == 1 && !has(self.targetConcurrency))"
        ),
        message=(
            "External leaves the number of pods to your autoscaler: leave out minReplicas, maxReplicas and "
            "targetConcurrency here and set their like in the HPA or ScaledObject"
        ),
        field=".type",
    ),
    Rule(
        path="spec",
        expression=(
            "(self.weights.cache.type == 'PersistentVolumeClaim') == has(self.weights.cache.persistentVolumeClaim)"
        ),
        message=(
            "goes with type PersistentVolumeClaim, and only with it: set type: PersistentVolumeClaim and "
            "persistentVolumeClaim.claimName (a claim that exists) or .size (one is made)"
        ),
        field=".weights.cache.persistentVolumeClaim",
    ),
    Rule(
        path="spec",
        expression="(self.weights.cache.type == 'HostPath') == has(self.weights.cache.hostPath)",
        message="goes with type HostPath, and only with it: set type: HostPath and hostPath.path",
        field=".weights.cache.hostPath",
    ),
    Rule(
        path="spec.weights.cache.persistentVolumeClaim",
        expression="has(self.claimName) != has(self.size)",
        message="needs claimName (a claim that exists) or size (one is made), and not both",
        field="",
    ),
    Rule(
        path="spec.weights.cache.persistentVolumeClaim",
        expression="!has(self.claimName) || (!has(self.storageClassName) && self.accessMode == 'ReadWriteMany')",
        message="names a claim that exists: leave out storageClassName and accessMode, which that claim has already",
        field=".claimName",
    ),
    Rule(
        path="spec",
        expression="self.weights.cache.type == 'None' || self.model.uri.startsWith('hf://')",
        message=(
            "is for weights that are downloaded (hf://); pvc:// and oci:// are mounted where they are: leave "
            "spec.weights out"
        ),
        field=".weights.cache.type",
    ),
    Rule(
        path="spec",
        expression="!self.weights.prefetch || self.weights.cache.type != 'None'",
        message="downloads into a cache: set spec.weights.cache to a PersistentVolumeClaim or HostPath",
        field=".weights.prefetch",
    ),
    Rule(
        path="spec",
        expression="self.rollout.maxSurge > 0 || self.rollout.maxUnavailable > 0",
        message="with maxSurge 0 and maxUnavailable 0 no pod could ever be replaced; raise one of them",
        field=".rollout.maxUnavailable",
    ),
    Rule(
        path="spec",
        expression="!self.engine.args.exists(arg, arg.matches('^--?[A-Za-z][^= ]* '))",
        message=(
            "one item holds a flag, a space and its value, which engines read as one word; write two items "
            '("--flag", "value") or "--flag=value"'
        ),
        field=".engine.args",
    ),
    Rule(
        path="spec.engine.env[]",
        expression="!(has(self.value) && has(self.valueFrom))",
        message="has both value and valueFrom; keep one",
        field="",
    ),
    Rule(
        path="spec.engine.env[].valueFrom",
        expression=(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef), has(self.resourceFieldRef)]"
            ".exists_one(given, given)"
        ),
        message="must have exactly one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef",
        field="",
    ),
)
