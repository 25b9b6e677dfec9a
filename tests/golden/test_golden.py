"""The golden manifests are up to date, and every field in them is one that Kubernetes knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tests.golden.regenerate import EXAMPLES, differences, examples, rendered
from tests.manifests.kubernetes_models import validate

NAMES = [path.stem for path in examples()]


def test_golden_manifests_are_up_to_date() -> None:
    assert [path.name for path in differences()] == []


def test_a_stale_a_missing_and_a_left_over_file_are_found(tmp_path: Path) -> None:
    for example in examples():
        (tmp_path / example.name).write_text(rendered(example))
    (tmp_path / "vllm-bf16.yaml").write_text("stale")
    (tmp_path / "llama3-awq.yaml").unlink()
    (tmp_path / "of-no-example.yaml").write_text("kind: Service")
    assert {path.name for path in differences(tmp_path)} == {
        "vllm-bf16.yaml",
        "llama3-awq.yaml",
        "of-no-example.yaml",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_known_to_kubernetes(name: str) -> None:
    for manifest in yaml.safe_load_all((Path(__file__).parent / f"{name}.yaml").read_text()):
        validate(manifest)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "containers", 0, "imagePullPolice"), "Always"),
        (("spec", "template", "spec", "containers", 0, "image_pull_policy"), "Always"),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "8000"),
        (("spec", "template", "spec", "containers", 0, "resources", "limits"), {"nvidia.com/gpu": 1}),
        (("spec", "template", "spec", "automountServiceAccountTokens"), False),
        (("spec", "replicas"), "1"),
    ],
)
def test_the_validation_finds_mistakes(path: tuple[str | int, ...], value: Any) -> None:
    manifest = next(yaml.safe_load_all(rendered(EXAMPLES / "vllm-bf16.yaml")))
    node: Any = manifest
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises((ValidationError, AssertionError)):
        validate(manifest)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_named_after_its_file_and_listed(name: str) -> None:
    documents = list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text()))
    assert [document["metadata"]["name"] for document in documents if document["kind"] == "ModelDeployment"] == [name]
    assert f"[{name}.yaml]({name}.yaml)" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_holds_no_key(name: str) -> None:
    for document in yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text()):
        if document["kind"] == "Secret":
            assert set(document["stringData"].values()) == {"replace-me"}
