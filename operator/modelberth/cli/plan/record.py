"""-o json: one list, the same keys in every entry; null is what is not known."""

import json
from typing import Any, TextIO

from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.what_if import Compared
from modelberth.planner.plan import Plan, advice_record, per_gpu_record

_PER_GPU = ("totalGiB", "budgetGiB", "weightsGiB", "activationGiB", "overheadGiB", "kvCacheGiB")


def print_all(judged: list[Judged], out: TextIO) -> None:
    """Prints the list."""
    out.write(json.dumps([record(each) for each in judged], indent=2) + "\n")


def record(judged: Judged) -> dict[str, Any]:
    """One entry. Tokens and concurrency are per replica, all its data-parallel ranks together."""
    plan = judged.plan
    entry = {
        "name": _metadata(judged, "name"),
        "namespace": _metadata(judged, "namespace"),
        "fits": judged.fits,
        "estimated": plan.estimated if plan else None,
        "gpusPerReplica": plan.gpus_per_replica if plan else None,
        "perGpu": per_gpu_record(plan.per_gpu) if plan and plan.per_gpu else dict.fromkeys(_PER_GPU),
        **_capacity(plan),
        "findings": [
            {"field": finding.field, "reason": finding.reason, "message": finding.message}
            for finding in judged.findings
        ],
        "advice": [advice_record(advice) for advice in plan.advice] if plan else [],
    }
    if judged.compared is not None:
        entry["compare"] = [_compared(each) for each in judged.compared]
    return entry


def _metadata(judged: Judged, key: str) -> str | None:
    metadata = judged.given.resource.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else None


def _capacity(plan: Plan | None) -> dict[str, Any]:
    concurrency = plan.max_concurrency if plan else None
    return {
        "kvCacheTokens": plan.kv_cache_tokens if plan else None,
        "maxConcurrency": None if concurrency is None else round(concurrency, 2),
    }


def _compared(each: Compared) -> dict[str, Any]:
    return {
        "gpu": each.gpu.label,
        "memoryGiB": each.gpu.memory_gib,
        "fits": each.plan.fits,
        **_capacity(each.plan),
        "tensor": each.tensor,
    }
