"""Rules of ``spec.podTemplate``, a free map to the API server: its shape, and what it must leave to typed fields."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelberth.api.engine_facts import EngineFacts
from modelberth.api.engine_rules import refusal
from modelberth.api.finding import Finding
from modelberth.api.meta import GROUP
from modelberth.api.schema_findings import meant
from modelberth.api.spec import Spec

ENGINE_CONTAINER = "engine"
FETCH_CONTAINER = "fetch"
RELAY_CONTAINER = "relay"
HOOKS_CONTAINER = "hooks"
MODEL_DIR = "/models"
CACHE_DIR = "/cache"
HOOKS_DIR = "/modelberth"

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
_RELAY_FIELDS = ("image", "command", "args", "ports", "restartPolicy")
_HOOKS_FIELDS = ("image", "command", "args", "volumeMounts", "restartPolicy")
_FETCH_ENV = {
    "HF_TOKEN": "the hub token is that of spec.model.secretRef; use that field",
    "HF_ENDPOINT": "the address of the hub is the operator's (chart value hub.endpoint); leave it out",
}


@dataclass(frozen=True)
class _OwnVolume:
    """A volume of the engine's pod that a merge must leave alone."""

    name: str
    path: str
    holds: str
    way_out: str = "another name"


def _own_volumes(spec: Spec) -> Iterator[_OwnVolume]:
    yield _OwnVolume("weights", MODEL_DIR, "the weights of spec.model.uri", "a pvc:// URI, or another name")
    if spec.weights.cache.type != "None":
        yield _OwnVolume("cache", CACHE_DIR, "the cache of spec.weights")
    if _has_hooks(spec):
        yield _OwnVolume("hooks", HOOKS_DIR, "what starts and drains the engine")


def _has_hooks(spec: Spec) -> bool:
    return spec.engine.type != "LlamaCpp"


def pod_template_findings(spec: Spec, facts: EngineFacts) -> list[Finding]:
    """What would break serving without a word, and shapes that cannot be merged."""
    template = spec.pod_template
    ours = tuple(_own_volumes(spec))
    found = list(_metadata(template.metadata)) + list(_shapes(template.spec))
    if found:
        return found  # the rules below rely on the shapes
    return [
        *_engine(template.spec, spec, facts),
        *_fetch(template.spec, spec),
        *_relay(template.spec, spec),
        *_hooks(template.spec, spec),
        *_volumes(template.spec, ours),
        *_mounts(template.spec, ours),
    ]


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
    sources = container.get("envFrom")
    if sources is not None and not (isinstance(sources, list) and all(isinstance(source, dict) for source in sources)):
        yield Finding(f"{field}.envFrom", "must be a list of maps")


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


def _named(spec: dict[str, Any], kind: str, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """(container, field) of the container with the name, where there is one."""
    for index, container in enumerate(spec.get(kind, [])):
        if container["name"] == name:
            yield container, f"spec.podTemplate.spec.{kind}[{index}]"


def _engine(template: dict[str, Any], spec: Spec, facts: EngineFacts) -> Iterator[Finding]:
    for container, field in _named(template, "containers", ENGINE_CONTAINER):
        for name, way_out in _ENGINE_FIELDS.items():
            if name in container:
                yield Finding(f"{field}.{name}", f"must not be replaced here; {way_out}")
        yield from _env(container, spec, facts, field)
        yield from _env_from(container, facts, field)


def _env(container: dict[str, Any], spec: Spec, facts: EngineFacts, field: str) -> Iterator[Finding]:
    owned = {name: owned for owned in facts.owned_env for name in owned.names}
    ours = {name: {"value"} for name in facts.set_env}
    ours |= {each.name: set(_sources(each.model_dump(by_alias=True, exclude_none=True))) for each in spec.engine.env}
    for index, variable in enumerate(container.get("env", [])):
        name, place = variable["name"], f"{field}.env[{index}]"
        sources = _sources(variable)
        given = [source for source, value in sources.items() if value is not None]
        kept = ours.get(name, set()) - set(sources)
        if name in owned:
            yield Finding(place, refusal(owned[name]))
        elif len(given) > 1:
            yield Finding(place, f"has {' and '.join(given)}; keep one")
        elif given and kept:
            yield Finding(
                place,
                f"{name} has a {kept.pop()} already, which the merge keeps beside this {given[0]}; "
                "set it in spec.engine.env, which replaces a variable whole",
            )


def _sources(variable: dict[str, Any]) -> dict[str, Any]:
    """value, secretKeyRef, fieldRef, ...: what is said of them, null (which removes in a merge) included."""
    value_from = variable.get("valueFrom")
    return {
        **({"value": variable["value"]} if "value" in variable else {}),
        **(value_from if isinstance(value_from, dict) else {}),
    }


def _env_from(container: dict[str, Any], facts: EngineFacts, field: str) -> Iterator[Finding]:
    """The keys of a ConfigMap or Secret are not known here: like a file of flags they could hold an owned variable."""
    owned = [name for owned in facts.owned_env for name in owned.names]
    for index, source in enumerate(container.get("envFrom") or []):
        prefix = str(source.get("prefix") or "")
        if any(name.startswith(prefix) for name in owned):
            yield Finding(
                f"{field}.envFrom[{index}]",
                "may bring variables that fields of this spec set; list those you need in spec.engine.env (valueFrom "
                "takes a key of a Secret or ConfigMap), or give a prefix that keeps clear of them",
            )


def _mounts(template: dict[str, Any], ours: tuple[_OwnVolume, ...]) -> Iterator[Finding]:
    """Mounts are merged by their path: one over ours would take its place."""
    for kind, name in (("containers", ENGINE_CONTAINER), ("initContainers", FETCH_CONTAINER)):
        for container, field in _named(template, kind, name):
            for index, mount in enumerate(container.get("volumeMounts", [])):
                path = f"{posixpath.normpath(mount['mountPath'])}/"
                for own in ours:
                    if path.startswith(f"{own.path}/"):
                        text = f"{own.path} holds {own.holds}; mount at another path"
                        yield Finding(f"{field}.volumeMounts[{index}].mountPath", text)


def _fetch(template: dict[str, Any], spec: Spec) -> Iterator[Finding]:
    for container, field in _named(template, "initContainers", FETCH_CONTAINER):
        if not spec.model.uri.startswith("hf://"):
            yield Finding(
                f"{field}.name",
                "there is no fetch container: the weights of a pvc:// or oci:// URI are mounted; leave it out, or give "
                "an init container of your own another name",
            )
            continue
        for name in _FETCH_FIELDS:
            if name in container:
                yield Finding(f"{field}.{name}", "is Modelberth's own: it downloads spec.model.uri; leave it out")
        for index, variable in enumerate(container.get("env", [])):
            if variable["name"] in _FETCH_ENV:
                yield Finding(f"{field}.env[{index}]", _FETCH_ENV[variable["name"]])


def _relay(template: dict[str, Any], spec: Spec) -> Iterator[Finding]:
    for container, field in _named(template, "initContainers", RELAY_CONTAINER):
        if spec.engine.type != "LlamaCpp":
            yield Finding(
                f"{field}.name",
                "only LlamaCpp has a relay container; leave it out, or give an init container of your own another name",
            )
            continue
        for name in _RELAY_FIELDS:
            if name in container:
                yield Finding(f"{field}.{name}", "is Modelberth's own: it hands out the engine's metrics; leave it out")


def _hooks(template: dict[str, Any], spec: Spec) -> Iterator[Finding]:
    for container, field in _named(template, "initContainers", HOOKS_CONTAINER):
        if not _has_hooks(spec):
            yield Finding(
                f"{field}.name",
                "LlamaCpp has no hooks container; leave it out, or give an init container of your own another name",
            )
            continue
        for name in _HOOKS_FIELDS:
            if name in container:
                text = "is Modelberth's own: it brings what starts and drains the engine; leave it out"
                yield Finding(f"{field}.{name}", text)


def _volumes(spec: dict[str, Any], ours: tuple[_OwnVolume, ...]) -> Iterator[Finding]:
    for index, volume in enumerate(spec.get("volumes", [])):
        for own in ours:
            if volume["name"] == own.name:
                text = f"{own.name} holds {own.holds}; use {own.way_out}"
                yield Finding(f"spec.podTemplate.spec.volumes[{index}].name", text)
