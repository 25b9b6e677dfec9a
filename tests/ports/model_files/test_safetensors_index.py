"""What an index says, and how many bytes elements of a type take."""

import json
from typing import Any

import pytest

from modelberth.ports.model_files.safetensors_index import bytes_of, drafter_files, index_total

FIRST, LAST = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.mark.parametrize(
    ("metadata", "total"),
    [
        ({"total_size": 16060522496}, 16060522496),
        ({"total_parameters": 8030261248, "total_size": 16060522496.0}, 16060522496),
        ({"total_size": -1}, None),
        ({"total_size": "7"}, None),
        ({"total_size": 1.5}, None),
        ({"total_size": 10**18}, None),
        ({"total_size": 10**400}, None),
        ({"total_size": float("inf")}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_total(metadata: dict[str, Any], total: int | None, indent: int | None) -> None:
    assert index_total(json.dumps({"metadata": metadata, "weight_map": {"a": FIRST}}, indent=indent).encode()) == total


def test_files_with_layers_for_drafting() -> None:
    names = {
        "model.layers.60.mlp.gate.weight": FIRST,
        "model.layers.61.mlp.gate.weight": LAST,
        "mtp.fc.weight": "mtp.safetensors",
        "lm_head.weight": "\\u0061.safetensors",
    }
    index = json.dumps({"metadata": {"total_size": 1}, "weight_map": names}).encode()
    assert drafter_files(index, 61) == {LAST, "mtp.safetensors"}
    assert drafter_files(index, None) == {"mtp.safetensors"}
    assert drafter_files(b"\xff" * 1000, 61) == set()


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, 0),
        ({"BF16": 3, "F32": 2, "I64": 1}, 22),
        ({"F8_E4M3": 5, "U8": 4, "F4": 6, "F8_E8M0": 1}, 13),
        ({"BF16": 3, "Q9": 1}, None),
    ],
)
def test_bytes_of_elements(parameters: dict[str, int], size: int | None) -> None:
    assert bytes_of(parameters) == size
