"""ModelDeployments of a YAML file, read as kubectl reads it: YAML 1.1 as in Go, one resource per document."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from modelberth.api.meta import GROUP, KIND


@dataclass(frozen=True)
class Loaded:
    """One ModelDeployment of a file."""

    index: int
    """Position of its document in the file, from 0."""
    line: int
    """First line of its document, from 1."""
    resource: dict[str, Any]


class LoadError(ValueError):
    """The file is not YAML that Kubernetes would read; the message has the line."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = problem
        super().__init__(f"line {line}: {problem}")


def load(text: str) -> list[Loaded]:
    """The ModelDeployments in the text, also those in a List; other kinds and empty documents are skipped.

    Raises LoadError on broken YAML, duplicated keys and documents that are no resource.
    """
    loaded = []
    for index, (line, document) in enumerate(_documents(text)):
        if document is None:
            continue
        for resource in _resources(line, document):
            if resource["kind"] == KIND and not resource.get("apiVersion"):
                raise LoadError(line, f"this {KIND} has no apiVersion")
            if resource["kind"] == KIND and str(resource.get("apiVersion", "")).partition("/")[0] == GROUP:
                loaded.append(Loaded(index, line, resource))
    return loaded


def _resources(line: int, document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        raise LoadError(line, "this document is no resource: it must be a map with apiVersion and kind")
    if not isinstance(document.get("kind"), str):
        raise LoadError(line, "this document has no kind")
    items = document.get("items")
    if document["kind"].endswith("List") and isinstance(items, list):
        for item in items:
            yield from _resources(line, item)
    else:
        yield document


def _documents(text: str) -> Iterator[tuple[int, Any]]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node.start_mark.line + 1, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LoadError(mark.line + 1 if mark else 1, " ".join(filter(None, (error.context, error.problem)))) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LoadError(line, f"the character {text[error.position]!r} is not allowed in YAML") from error
    except RecursionError as error:
        raise LoadError(1, "the YAML is nested too deeply") from error


class _Loader(yaml.SafeLoader):
    """Scalars as in sigs.k8s.io/yaml: 1e3 is a number, 12:30 and 2026-01-01 are strings, y is true."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own declaration


_SCALARS = (
    ("bool", r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF", "yYnNtTfFoO"),
    ("int", r"[-+]?(0b[0-1_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
)
RESOLVERS = tuple(
    (f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), [c if c != "\0" else "" for c in first])
    for tag, pattern, first in _SCALARS
)
"""What Go reads as something else than a string, for PyYAML's ``add_implicit_resolver``."""
for _tag, _pattern, _first in RESOLVERS:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)


def _bool(loader: _Loader, node: yaml.ScalarNode) -> bool:
    return node.value.lower() in ("y", "yes", "true", "on")


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = node.value.replace("_", "").lower()
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    for prefix, base in (("0b", 2), ("0x", 16), ("0o", 8), ("0", 8)):
        if digits.startswith(prefix) and len(digits) > len(prefix):
            return sign * int(digits.removeprefix(prefix), base)
    return sign * int(digits)


def _float(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    """1.0 and 1e3 become integers: kubectl sends JSON, which Go writes without the point (below 1e21)."""
    text = node.value.replace("_", "").lower()
    value = float("nan" if "nan" in text else text.replace(".inf", "inf"))
    if not math.isfinite(value):
        raise yaml.constructor.ConstructorError(None, None, f"{node.value} is no JSON number", node.start_mark)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _map(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    """Keys become strings, as in JSON, and stand once."""
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in seen and key.tag != "tag:yaml.org,2002:merge":
            raise yaml.constructor.ConstructorError(None, None, f"the key {name} is given twice", key.start_mark)
        seen.add(name)
    loader.flatten_mapping(node)
    result = {}
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        if not isinstance(name, str | bool | int | float):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key.start_mark)
        text = key.value if isinstance(name, str) else json.dumps(name)
        result[text] = loader.construct_object(value, deep=True)
    return result


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:map", _map)
