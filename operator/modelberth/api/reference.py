"""docs/reference.md: every field of ModelDeployment, from the schema that the API server gets."""

from collections.abc import Iterator
from typing import Any

from modelberth.api.crd import schema
from modelberth.api.meta import API_VERSION, KIND, SHORT_NAME
from modelberth.api.structural import Schema
from modelberth.api.validation import RULES

_HEAD = f"""\
<!-- Generated from operator/modelberth/api by `make generate`; do not edit. -->
# {KIND} reference

`apiVersion: {API_VERSION}`, `kind: {KIND}`, short name `{SHORT_NAME}`. The same text is in
`kubectl explain modeldeployment.spec`. `name[]` is an item of a list, `name.*` a value of a map.
"""

_RULES = """
## Rules between fields

They hold in the API server (as CEL in the CRD) and in `modelberth render`, with the same words. Python adds what CEL
cannot see: support at the version of the engine image, abbreviated flags, requests above limits, and podTemplate.

| field | rule |
|---|---|
"""


def reference() -> str:
    """The page as Markdown."""
    properties = schema()["properties"]
    parts = [_HEAD]
    for name in ("spec", "status"):
        parts.append(f"\n## {name}\n\n{properties[name]['description']}\n")
        parts.append("\n| field | type | default | bounds | description |\n|---|---|---|---|---|\n")
        parts += [_row(path, node, required) for path, node, required in _fields(name, properties[name])]
    parts.append(_RULES)
    parts += [
        f"| `{(rule.path + rule.field).removeprefix('.')}` | {_cell(rule.message)} |\n"
        for rule in RULES
        if not rule.field.startswith(".engine.")
    ]
    parts.append(_owned())
    return "".join(parts)


def _fields(path: str, node: Schema) -> Iterator[tuple[str, Schema, bool]]:
    for name, child in node.get("properties", {}).items():
        field = f"{path}.{name}"
        yield field, child, name in node.get("required", ())
        yield from _fields(field, child)
        if "items" in child:
            yield from _fields(f"{field}[]", child["items"])


def _row(path: str, node: Schema, required: bool) -> str:
    default = "required" if required else _value(node["default"]) if "default" in node else ""
    cells = (f"`{path}`", _type(node), default, _bounds(node), _cell(node.get("description", "")))
    return f"| {' | '.join(cells)} |\n"


def _type(node: Schema) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "items" in node:
        return f"list of {_type(node['items'])}"
    if "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}"
    return "any map" if node.get("x-kubernetes-preserve-unknown-fields") else str(node["type"])


def _bounds(node: Schema) -> str:
    found = []
    if "enum" in node:
        found.append(", ".join(_value(value) for value in node["enum"]))
    low = ">" if node.get("exclusiveMinimum") else ">="
    found += [f"{sign} {node[key]}" for key, sign in (("minimum", low), ("maximum", "<=")) if key in node]
    for key, unit in (("maxLength", "characters"), ("maxItems", "items"), ("maxProperties", "entries")):
        if key in node:
            found.append(f"at most {node[key]} {unit}")
    if "pattern" in node:
        found.append(f"`{_cell(node['pattern'])}`")
    return "; ".join(found)


def _owned() -> str:
    lines = ["\n## Arguments and variables that a field owns\n\n| where | what to do instead |\n|---|---|\n"]
    for rule in RULES:
        if rule.field in (".engine.args", ".engine.env") and "self.engine.type != '" in rule.expression:
            engine = rule.expression.split("'")[1]
            lines.append(f"| {engine} `{rule.field.removeprefix('.engine.')}` | {_cell(rule.message)} |\n")
    return "".join(lines)


def _value(value: Any) -> str:
    text = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    return f"`{text}`"


def _cell(text: str) -> str:
    """A pipe would end the cell."""
    return text.replace("|", "\\|")
