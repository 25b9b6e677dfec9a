"""What start-up logs say of overheads: activation peaks, memory outside of torch, CUDA graphs, beside their causes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.planner.questions import Question, Unanswerable, question_of
from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.api.spec import EngineType
from modelberth.planner.budgets.budget import Situation
from modelberth.planner.budgets.vllm_profiling import run_of
from modelberth.planner.gpus import Gpu
from modelberth.planner.model import Model
from modelberth.planner.overheads import Batch
from modelberth.planner.plan import GIB
from modelberth.planner.planning import plan_of, situation_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One start-up log. GiB of one GPU; None where the log does not say."""

    name: str
    source: str
    engine: EngineType
    version: Version
    gpu: Gpu | None
    model: Model
    batch: Batch
    gpus: int
    """That work together."""
    eager: bool
    activation: float | None
    outside: float | None
    """Not of torch: driver, libraries, NCCL."""
    graphs: float | None
    """As estimated before the KV cache was sized."""
    rest: float | None
    """Budget less weights and KV cache: all overheads together."""
    loading: float | None = None
    """SGLang: what loading took besides the weights."""


def samples_of(rows: Iterable[Row], facts: dict[str, Row]) -> list[Sample]:
    """Of all rows that the planner can be asked."""
    found = []
    for row in rows:
        try:
            question = question_of(row, facts)
        except Unanswerable:
            continue
        situation = situation_of(question.request, question.model)
        if question.gpu_known and question.split_known and not isinstance(situation, Finding):
            found.append(_sample(row, question, situation))
    return found


def _sample(row: Row, question: Question, situation: Situation) -> Sample:
    observed = row.get("observed") or {}
    extra = observed.get("extra") or {}
    parallel = situation.spec.parallelism
    run = run_of(situation)
    sglang = situation.spec.engine.type == "SGLang"
    plan = plan_of(question.request, question.model)
    weights = plan.per_gpu.weights_gib if plan.per_gpu else 0.0
    logged = observed.get("weights_gib")
    before = extra.get("avail_before_pool_gb")
    return Sample(
        name=str(row.get("id")),
        source=str(row.get("source")),
        engine=situation.spec.engine.type,
        version=situation.version,
        gpu=situation.gpu,
        model=situation.model,
        batch=run.batch,
        gpus=parallel.tensor * parallel.pipeline,
        eager=run.eager,
        activation=observed.get("activation_gib"),
        outside=_sglang_context(situation, logged, before) if sglang else _outside(observed, extra),
        graphs=extra.get("cudagraph_estimated_gib"),
        rest=None if sglang else _rest(situation, logged or weights, observed.get("kv_cache_gib")),
        loading=logged - weights if sglang and logged is not None else None,
    )


def _outside(observed: Row, extra: Row) -> float | None:
    """As logged, or by what loading took besides the weights."""
    logged: float | None = observed.get("non_torch_gib")
    taken, weights = extra.get("consumed_weights_plus_nontorch_gib"), observed.get("weights_gib")
    return taken - weights if logged is None and taken is not None and weights is not None else logged


def _sglang_context(situation: Situation, weights: float | None, before: float | None) -> float | None:
    """The GPU less what was free before weights were loaded."""
    if weights is None or before is None:
        return None
    return situation.memory / GIB - weights - before


def _rest(situation: Situation, weights: float, kv_cache: float | None) -> float | None:
    if kv_cache is None:
        return None
    return situation.memory / GIB * situation.spec.gpu_memory_utilization - weights - kv_cache
