"""What the examples of KEDA and the HPA name is there: the resource, its container, its metrics and their port."""

from functools import cache
from typing import Any

import pytest
import yaml

from modelberth.engines.catalogue import ENGINES
from tests.golden.regenerate import EXAMPLES, rendered

NAMES = sorted(path.stem for path in (EXAMPLES / "autoscaling").glob("*.yaml"))


@cache
def documents(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(ModelDeployment, scaler)."""
    model, scaler = yaml.safe_load_all((EXAMPLES / "autoscaling" / f"{name}.yaml").read_text())
    return model, scaler


def triggers(name: str) -> list[dict[str, str]]:
    found = documents(name)[1]["spec"].get("triggers", [])
    return [trigger["metadata"] for trigger in found if trigger["type"] == "metrics-api"]


def test_there_are_examples_of_both() -> None:
    assert {documents(name)[1]["kind"] for name in NAMES} == {"ScaledObject", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize("name", NAMES)
def test_the_scaler_points_at_the_model(name: str) -> None:
    model, scaler = documents(name)
    deployment = next(yaml.safe_load_all(rendered(EXAMPLES / "autoscaling" / f"{name}.yaml")))
    target = scaler["spec"]["scaleTargetRef"]
    assert {target["name"], scaler["metadata"]["name"]} == {name}
    assert target in [
        {"apiVersion": known["apiVersion"], "kind": known["kind"], "name": known["metadata"]["name"]}
        for known in (model, deployment)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_says_a_number_of_pods_but_the_scaler(name: str) -> None:
    model, _ = documents(name)
    assert model["spec"]["autoscaling"] == {"type": "External"}
    assert "replicas" not in model["spec"]
    deployment = next(yaml.safe_load_all(rendered(EXAMPLES / "autoscaling" / f"{name}.yaml")))
    assert "replicas" not in deployment["spec"]


@pytest.mark.parametrize("name", [name for name in NAMES if triggers(name)])
def test_the_metrics_are_the_engines(name: str) -> None:
    model, _ = documents(name)
    engine = ENGINES[model["spec"]["engine"]["type"]]
    for trigger in triggers(name):
        assert trigger["url"] == f"http://{name}.default.svc:{engine.port}{engine.metrics_path}"
        assert trigger["format"] == "prometheus"


def test_running_and_waiting_are_the_load_of_the_engine() -> None:
    _, scaler = documents("keda")
    text = "".join(f"{trigger['valueLocation']} {value}\n" for value, trigger in enumerate(triggers("keda"), start=2))
    found = ENGINES["LlamaCpp"].load(text)
    assert found is not None
    assert [trigger["name"] for trigger in scaler["spec"]["triggers"]] == ["running", "waiting"]
    assert (found.running, found.waiting) == (2, 3)


@pytest.mark.parametrize("name", [name for name in NAMES if documents(name)[1]["kind"] == "HorizontalPodAutoscaler"])
def test_the_hpa_reads_a_container_that_asks_for_what_it_is_a_share_of(name: str) -> None:
    _, scaler = documents(name)
    deployment = next(yaml.safe_load_all(rendered(EXAMPLES / "autoscaling" / f"{name}.yaml")))
    containers = {item["name"]: item for item in deployment["spec"]["template"]["spec"]["containers"]}
    for metric in scaler["spec"]["metrics"]:
        read = metric["containerResource"]
        assert read["name"] in containers[read["container"]]["resources"]["requests"]
