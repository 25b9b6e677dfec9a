"""pydantic's errors as findings: the path as in the YAML, what is allowed, and what was probably meant."""

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from modelberth.api.finding import Finding

_NAMES = {str: "a string", bool: "true or false", int: "an integer", float: "a number", list: "a list", dict: "a map"}
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_WORDS = {"None": "null", "True": "true", "False": "false"}
_SHOWN = 60
"""Longest value that a message repeats."""


def schema_findings(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """One finding per error. ``model`` is what was validated: it names the fields that exist."""
    return [_finding(detail, model) for detail in error.errors(include_url=False)]


def path_text(location: tuple[str | int, ...]) -> str:
    """("spec", "engine", "args", 2) -> spec.engine.args[2]; keys that are no words stand in brackets."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif str(part).replace("_", "").replace("-", "").isalnum():
            text += f".{part}" if text else part
        else:
            text += f"[{part}]"
    return text


def meant(name: str, known: list[str]) -> str:
    """Advice on an unknown name: the nearest known one, else all of them."""
    lowered = {each.lower(): each for each in known}
    folded = name.lower().replace("_", "").replace("-", "")
    near = difflib.get_close_matches(folded, lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[near[0]]}?" if near else f"known here: {', '.join(known)}"


def _finding(detail: ErrorDetails, model: type[BaseModel]) -> Finding:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return Finding(path_text(location), f"unknown field; {meant(str(location[-1]), known)}")
    return Finding(path_text(location), _message(detail))


def _message(detail: ErrorDetails) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return "is required"
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {_shown(value)}{_way_out(kind, value)}"
    if kind == "literal_error":
        return f"must be one of {str(context['expected']).replace(' or ', ', ')}, not {_shown(value)}"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}, not {_shown(value)}"
    if kind in ("string_too_long", "string_too_short", "too_long", "too_short"):
        return _length(kind, value, context)
    for bound, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<")):
        if bound in context:
            return f"must be {sign} {context[bound]}, not {_shown(value)}"
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _length(kind: str, value: Any, context: Mapping[str, Any]) -> str:
    unit = "characters" if kind.startswith("string") else "items"
    if kind.endswith("short"):
        return f"must have at least {context['min_length']} {unit}"
    return f"must have at most {context['max_length']} {unit}, not {len(value)}"


def _way_out(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        return "; remove the quotes"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return _NAMES[type(value)]
    text = f'"{value}"' if isinstance(value, str) else _WORDS.get(str(value), str(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of the model at the location, as in the YAML."""
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, int):
            continue
        fields = [field for name, field in current.model_fields.items() if (field.alias or name) == part]
        nested = _model_in(fields[0]) if fields else None
        if nested is None:
            return []
        current = nested
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    """The model that the field holds, alone, optional or in a list."""
    pending: list[Any] = [field.annotation]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        pending.extend(get_args(annotation))
    return None
