"""Rules of ``spec.podTemplate``, a free map to the API server: its shape, and what it must leave to typed fields."""

from collections.abc import Iterator
from typing import Any

from modelberth.api.engine_facts import EngineFacts
from modelberth.api.engine_rules import refusal
from modelberth.api.finding import Finding
from modelberth.api.meta import GROUP
from modelberth.api.schema_findings import meant
from modelberth.api.spec import PodTemplate

ENGINE_CONTAINER = "engine"
FETCH_CONTAINER = "fetch"
WEIGHTS_VOLUME = "weights"

_METADATA = ("labels", "annotations")
_OWN_LABELS = tuple(f"app.kubernetes.io/{name}" for name in ("managed-by", "name", "instance"))
_NAMED_LISTS = ("containers", "initContainers", "volumes")
_CONTAINER_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort"}
_ENGINE_FIELDS = {
    "image": "use spec.engine.image",
    "command": "the engine's command line is Modelberth's; use spec.engine.args",
    "args": "use spec.engine.args",
    "resources": "use spec.resources (and spec.parallelism for GPUs), which the plan counts on",
}
_FETCH_FIELDS = ("image", "command", "args")


def pod_template_findings(template: PodTemplate, facts: EngineFacts) -> list[Finding]:
    """What would break serving without a word, and shapes that cannot be merged."""
    found = list(_metadata(template.metadata)) + list(_shapes(template.spec))
    if found:
        return found  # the rules below rely on the shapes
    return [*_containers(template.spec, facts), *_volumes(template.spec)]


def _metadata(metadata: dict[str, Any]) -> Iterator[Finding]:
    for name, values in metadata.items():
        field = f"spec.podTemplate.metadata.{name}"
        if name not in _METADATA:
            yield Finding(field, f"only labels and annotations can be added; {meant(name, list(_METADATA))}")
        elif not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            yield Finding(field, "must be a map of strings; put numbers and booleans in quotes")
        else:
            for key in values:
                if key.partition("/")[0] == GROUP or (name == "labels" and key in _OWN_LABELS):
                    yield Finding(f"{field}[{key}]", "is Modelberth's own and selects the pods; use another key")


def _shapes(spec: dict[str, Any]) -> Iterator[Finding]:
    for name in _NAMED_LISTS:
        if name not in spec:
            continue
        yield from _keyed(spec[name], "name", f"spec.podTemplate.spec.{name}")
        if name != "volumes" and isinstance(spec[name], list):
            for index, container in enumerate(spec[name]):
                if isinstance(container, dict):
                    yield from _container_shapes(container, f"spec.podTemplate.spec.{name}[{index}]")


def _container_shapes(container: dict[str, Any], field: str) -> Iterator[Finding]:
    for name, key in _CONTAINER_KEYS.items():
        if name in container:
            yield from _keyed(container[name], key, f"{field}.{name}")


def _keyed(items: Any, key: str, field: str) -> Iterator[Finding]:
    if not isinstance(items, list):
        yield Finding(field, f"must be a list of maps with {key}: it is merged by {key}")
        return
    seen: list[Any] = []
    for index, item in enumerate(items):
        value = item.get(key) if isinstance(item, dict) else None
        kind = int if key == "containerPort" else str
        if not isinstance(value, kind) or isinstance(value, bool):
            yield Finding(f"{field}[{index}]", f"must be a map with {key}: the list is merged by {key}")
        elif value in seen and key != "containerPort":
            yield Finding(f"{field}[{index}].{key}", f"{value} is given twice; keep one")
        seen.append(value)


def _containers(spec: dict[str, Any], facts: EngineFacts) -> Iterator[Finding]:
    for index, container in enumerate(spec.get("containers", [])):
        if container["name"] == ENGINE_CONTAINER:
            yield from _engine(container, facts, f"spec.podTemplate.spec.containers[{index}]")
    for index, container in enumerate(spec.get("initContainers", [])):
        if container["name"] == FETCH_CONTAINER:
            for name in _FETCH_FIELDS:
                if name in container:
                    field = f"spec.podTemplate.spec.initContainers[{index}].{name}"
                    yield Finding(field, "is Modelberth's own: it downloads spec.model.uri; leave it out")


def _engine(container: dict[str, Any], facts: EngineFacts, field: str) -> Iterator[Finding]:
    for name, way_out in _ENGINE_FIELDS.items():
        if name in container:
            yield Finding(f"{field}.{name}", f"must not be replaced here; {way_out}")
    owned_env = {name: owned for owned in facts.owned_env for name in owned.names}
    for index, variable in enumerate(container.get("env", [])):
        if variable["name"] in owned_env:
            yield Finding(f"{field}.env[{index}]", refusal(owned_env[variable["name"]]))


def _volumes(spec: dict[str, Any]) -> Iterator[Finding]:
    for index, volume in enumerate(spec.get("volumes", [])):
        if volume["name"] == WEIGHTS_VOLUME:
            field = f"spec.podTemplate.spec.volumes[{index}].name"
            yield Finding(field, "weights is the volume of spec.model.uri; use a pvc:// URI, or another name")
