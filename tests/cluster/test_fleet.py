"""GPUs and nodes that do not exist."""

import json
from typing import Any

from e2e.cluster.gpus import KWOK, PRODUCT, REMEMBERED, RESOURCE, fake_gpus, restore_fake_gpus
from e2e.cluster.kwok import fake_node


class Nodes:
    """kubectl, as far as these functions use it: keeps what it was told."""

    def __init__(self, *nodes: dict[str, Any]) -> None:
        self.items = list(nodes)
        self.patches: list[tuple[str, dict[str, Any]]] = []

    def nodes(self) -> list[dict[str, Any]]:
        return self.items

    def __call__(self, *words: str) -> str:
        self.patches.append((words[2], json.loads(words[-1])))
        return ""


REAL = {"metadata": {"name": "real"}}
FAKE = {"metadata": {"name": "fake", "annotations": {KWOK: "fake"}}}


def test_only_real_nodes_get_gpus() -> None:
    kubectl = Nodes(REAL, FAKE)
    assert fake_gpus(kubectl, 4) == ["real"]  # type: ignore[arg-type]
    (_, metadata), (_, status) = kubectl.patches
    assert metadata["metadata"]["labels"] == {PRODUCT: "NVIDIA-L4"}
    assert status["status"] == {"capacity": {RESOURCE: "4"}, "allocatable": {RESOURCE: "4"}}


def test_none_takes_everything_away() -> None:
    kubectl = Nodes(REAL)
    fake_gpus(kubectl, 0)  # type: ignore[arg-type]
    (_, metadata), (_, status) = kubectl.patches
    assert metadata["metadata"] == {"labels": {PRODUCT: None}, "annotations": {REMEMBERED: None}}
    assert status["status"]["capacity"] == {RESOURCE: None}


def test_a_restarted_node_gets_back_what_it_had() -> None:
    kubectl = Nodes({"metadata": {"name": "real", "annotations": {REMEMBERED: "4"}}}, FAKE, REAL)
    restore_fake_gpus(kubectl)  # type: ignore[arg-type]
    assert [name for name, _ in kubectl.patches] == ["real"]
    assert kubectl.patches[0][1]["status"]["capacity"] == {RESOURCE: "4"}


def test_fleet_nodes_are_taken_by_models_only() -> None:
    node = fake_node(7, 8, "NVIDIA-H100-80GB-HBM3")
    assert node["metadata"]["name"] == "kwok-0007"
    assert node["metadata"]["annotations"] == {KWOK: "fake"}
    assert node["spec"]["taints"][0]["key"] == RESOURCE
    assert node["status"]["allocatable"][RESOURCE] == "8"
