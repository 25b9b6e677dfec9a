"""Requests per replica: what the user says, else what the plan and the engine's own bound allow."""

import pytest

from modelberth.api.spec import EngineType
from modelberth.scaling.target import TargetFrom, target_of


@pytest.mark.parametrize(
    ("said", "planned", "max_num_seqs", "engine", "target"),
    [
        (7, 100.0, 64, "vLLM", (7, "Spec")),
        (None, 12.51, None, "vLLM", (12, "Plan")),
        (None, 12.51, 64, "vLLM", (12, "Plan")),
        (None, 12.51, 12, "SGLang", (12, "Plan")),
        (None, 12.51, 8, "SGLang", (8, "MaxNumSeqs")),
        (None, 0.4, 8, "vLLM", (1, "Plan")),
        (None, float("inf"), None, "vLLM", (32, "Default")),
        (None, None, 64, "vLLM", (64, "MaxNumSeqs")),
        (None, None, None, "vLLM", (32, "Default")),
        (None, None, None, "LlamaCpp", (4, "MaxNumSeqs")),
        (None, 4.0, None, "LlamaCpp", (4, "Plan")),
        (None, 40.0, None, "LlamaCpp", (4, "MaxNumSeqs")),
        (None, 40.0, 16, "LlamaCpp", (16, "MaxNumSeqs")),
    ],
)
def test_target(
    said: int | None,
    planned: float | None,
    max_num_seqs: int | None,
    engine: EngineType,
    target: tuple[int, TargetFrom],
) -> None:
    assert target_of(said, planned, max_num_seqs, engine) == target
