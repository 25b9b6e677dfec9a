"""The CustomResourceDefinition: what apiextensions v1 demands, and what users see of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import V1CustomResourceDefinition

from modelberth.api.crd import crd, crd_yaml, schema
from modelberth.api.generate import generated

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"$ref", "$defs", "title", "const", "allOf", "oneOf", "not", "nullable", "exclusiveMinimum"}


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from nodes(node[name], f"{path}[]")


def test_files_are_what_the_models_say() -> None:
    stale = [path for path, text in generated().items() if (ROOT / path).read_text() != text]
    assert stale == [], "run `make generate`"


def test_yaml_is_the_same_every_time_and_small_enough() -> None:
    text = crd_yaml()
    assert text == crd_yaml()
    assert yaml.safe_load(text) == crd()
    assert len(text.encode()) < 256 * 1024


def test_schema_is_structural() -> None:
    for path, node in nodes(schema()):
        used = set(node) - {"exclusiveMinimum"} if node.get("exclusiveMinimum") is True else set(node)
        assert not used & FORBIDDEN, path
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert node.get("additionalProperties") is not False, path


def test_every_field_is_described() -> None:
    undescribed = [path for path, node in nodes(schema()) if not path.endswith("[]") and not node.get("description")]
    assert undescribed == [".metadata"]


def test_every_string_list_and_map_of_the_spec_is_bounded() -> None:
    """The API server estimates the cost of rules from the bounds."""
    limits = {"string": "maxLength", "array": "maxItems"}
    unbounded = [
        path
        for path, node in nodes(schema()["properties"]["spec"])
        if (bound := limits.get(node.get("type", ""))) and bound not in node and "enum" not in node
    ]
    assert unbounded == []
    assert all("maxProperties" in node for _, node in nodes(schema()) if "additionalProperties" in node)


def test_list_map_keys_are_required() -> None:
    for path, node in nodes(schema()):
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path


def test_defaults_of_parts_are_empty_maps_so_that_the_inner_defaults_apply() -> None:
    spec = schema()["properties"]["spec"]["properties"]
    assert spec["parallelism"]["default"] == {}
    assert spec["parallelism"]["properties"]["tensor"]["default"] == 1
    assert spec["replicas"]["default"] == 1
    assert "default" not in spec["maxModelLen"]


def test_status_has_no_defaults() -> None:
    assert [path for path, node in nodes(schema()["properties"]["status"]) if "default" in node] == []


def test_bounds_reach_the_schema() -> None:
    spec = schema()["properties"]["spec"]["properties"]
    utilization = spec["gpuMemoryUtilization"]
    assert (utilization["minimum"], utilization["exclusiveMinimum"], utilization["maximum"]) == (0, True, 1)
    assert spec["maxModelLen"]["type"] == "integer"
    assert spec["engine"]["properties"]["type"]["enum"] == ["vLLM", "SGLang", "LlamaCpp"]
    assert spec["podTemplate"]["properties"]["spec"]["x-kubernetes-preserve-unknown-fields"] is True
    assert spec["resources"]["properties"]["limits"]["additionalProperties"]["x-kubernetes-int-or-string"] is True


def test_columns_names_and_subresources() -> None:
    spec = crd()["spec"]
    version = spec["versions"][0]
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert columns == ["Ready", "Reason", "Replicas", "Engine", "Model", "URL", "Age"]
    assert spec["names"]["shortNames"] == ["mdep"]
    assert version["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


def test_the_official_client_knows_every_field() -> None:
    assert V1CustomResourceDefinition.model_validate(crd())
