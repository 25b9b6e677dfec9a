"""Requests that one replica is meant for."""

import math
from typing import Literal

from modelberth.api.spec import EngineType
from modelberth.planner.budgets.llama_cpp_buffers import SLOTS

TargetFrom = Literal["Spec", "Plan", "MaxNumSeqs", "Default"]

DEFAULT_TARGET = 32
"""Where nothing tells: few enough for a small GPU to answer well, far below engines' own bounds of sequences."""


def target_of(
    said: int | None, planned: float | None, max_num_seqs: int | None, engine: EngineType
) -> tuple[int, TargetFrom]:
    """Requests, running and waiting, per replica, and where the number is from.

    ``said``: spec.autoscaling.targetConcurrency; ``planned``: maxConcurrency of the plan, requests of maxModelLen that
    the KV cache holds. The engine runs no more at once than its sequences, so a plan never says more than they do.
    """
    if said is not None:
        return said, "Spec"
    sequences = max_num_seqs or (SLOTS if engine == "LlamaCpp" else None)
    if planned is not None and math.isfinite(planned):
        fits = max(1, math.floor(planned))
        if sequences is None or fits <= sequences:
            return fits, "Plan"
    return (sequences, "MaxNumSeqs") if sequences is not None else (DEFAULT_TARGET, "Default")
