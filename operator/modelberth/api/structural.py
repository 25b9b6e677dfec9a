"""pydantic's JSON schema as the structural schema that apiextensions v1 accepts.

What it demands: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
(no $ref, no null, no title, no const, no additionalProperties beside properties, boolean exclusiveMinimum).
"""

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT = (
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "required",
)


def structural(model: type[BaseModel]) -> Schema:
    """The schema of a model, every reference inlined."""
    schema = model.model_json_schema(by_alias=True)
    return _converted(schema, schema.get("$defs", {}))


def without_defaults(schema: Schema) -> Schema:
    """For status: the operator writes all of it, the API server must not add to it."""
    return {
        name: {key: without_defaults(inner) for key, inner in value.items()}
        if name == "properties"
        else without_defaults(value)
        if name in ("items", "additionalProperties")
        else value
        for name, value in schema.items()
        if name != "default"
    }


def _converted(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    schema = _resolved(schema, definitions)
    result: Schema = {}
    if description := schema.get("description"):
        result["description"] = " ".join(description.split())
    if schema.get("default") is not None:
        # {} lets the defaults of the nested fields apply, and one value stand in one place.
        result["default"] = {} if isinstance(schema["default"], dict) else schema["default"]
    if schema.get("x-kubernetes-int-or-string"):
        return result | {key: value for key, value in schema.items() if key in _KEPT or key.startswith("x-")}
    result |= {key: schema[key] for key in _KEPT if key in schema}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            result |= {bound: schema[exclusive], exclusive: True}
    if "properties" in schema:
        result["properties"] = {name: _converted(value, definitions) for name, value in schema["properties"].items()}
    elif schema.get("type") == "object":
        result |= _map(schema, definitions)
    if "items" in schema:
        result["items"] = _converted(schema["items"], definitions)
    return result | {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}


def _map(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and values:
        return {"additionalProperties": _converted(values, definitions)}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _resolved(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """The schema without $ref and without the null of an optional field; what stands beside them wins."""
    while True:
        if "$ref" in schema:
            target = definitions[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema and not schema.get("x-kubernetes-int-or-string"):
            choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"a union has no structural schema: {schema['anyOf']}")
            target = choices[0]
        else:
            return schema
        schema = target | {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
