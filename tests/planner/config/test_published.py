"""Parameter counts from config.json alone equal those of the real models.

published.json holds the keys of real config.json files that matter, and counts of parameters and persistent buffers
with tied weights once: built with transformers on the meta device, and as published where that is known (the source
says which). Speech output of Omni models and layers for multi-token prediction are left out, as engines leave them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.config.keys import prune
from modelberth.planner.config.reading import read_model
from modelberth.planner.files import ModelFiles

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "published.json").read_text())
TERMINATION_MESSAGE = 3584
"""Bytes that facts may take of the 4 KiB of a pod's termination message."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_parameters(row: dict[str, Any]) -> None:
    model = read_model(ModelFiles(row["config"]))
    assert model.parameters == row["parameters"]
    assert model.estimated == ()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_pruned_config_reads_the_same(row: dict[str, Any]) -> None:
    config = {**row["config"], "auto_map": {"AutoConfig": "x"}, "transformers_version": "5", "rms_norm_eps": 1e-6}
    pruned = prune(config)
    assert not {"auto_map", "transformers_version", "rms_norm_eps"} & set(pruned)
    assert read_model(ModelFiles(pruned)) == read_model(ModelFiles(config))
    assert len(ModelFiles(pruned).encode()) < TERMINATION_MESSAGE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_equal_layers_are_one_object(row: dict[str, Any]) -> None:
    layers = read_model(ModelFiles(row["config"])).layers
    assert len({id(layer) for layer in layers}) == len(set(layers))
