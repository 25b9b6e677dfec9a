"""A plan as it is kept beside the pods: the condition that it becomes, status.plan, and what engines start with."""

from dataclasses import dataclass, field
from typing import Any, Literal

from modelberth.planner.plan import DOES_NOT_FIT, UNKNOWN_GPU, UNKNOWN_MODEL, UNSUPPORTED, Launch, Plan

FITS = "Fits"
FACTS_MISSING = "FactsMissing"
"""Nothing was judged because the model's files could not be read; they may be read later."""


@dataclass(frozen=True)
class Planned:
    """What the planner said when the pods were built; it stays as long as they do."""

    status: Literal["True", "False", "Unknown"]
    """Of the condition Planned."""
    reason: str
    message: str
    launch: Launch
    record: dict[str, Any] = field(default_factory=dict)
    """status.plan."""


def planned(plan: Plan) -> Planned:
    """What is kept of a plan. The message names the way out; it says nothing that moves by itself."""
    record = plan.status()
    if plan.fits is None:
        unknown = next((each for each in plan.findings if each.reason in (UNKNOWN_GPU, UNKNOWN_MODEL)), None)
        reason = unknown.reason if unknown and unknown.reason != UNKNOWN_MODEL else FACTS_MISSING
        text = "Not judged: " + ("; ".join(map(str, plan.findings)) or "; ".join(plan.assumed) or "facts are missing")
        return Planned("Unknown", reason, _sentence(text), plan.launch, record)
    if plan.fits:
        text = _summary(plan)
        if plan.findings:
            text += " " + _sentence("; ".join(map(str, plan.findings)))
        return Planned("True", FITS, text, plan.launch, record)
    # Warnings may stand beside what stops it; the condition has one word for either kind of that.
    unsupported = any(finding.reason == UNSUPPORTED for finding in plan.findings)
    text = _sentence("; ".join(map(str, plan.findings)))
    if plan.advice:
        text += " It fits with " + ", or with ".join(advice.change for advice in plan.advice) + "."
    return Planned("False", UNSUPPORTED if unsupported else DOES_NOT_FIT, text, plan.launch, record)


def _summary(plan: Plan) -> str:
    if plan.per_gpu is None:
        return "It fits."
    where = "GPU" if plan.gpus_per_replica else "memory limit"
    text = (
        f"{plan.per_gpu.weights_gib:.2f} GiB of weights and {plan.per_gpu.kv_cache_gib:.2f} GiB of KV cache on each "
        f"{where} of {plan.per_gpu.total_gib:.2f} GiB"
    )
    if plan.kv_cache_tokens is not None and plan.max_concurrency is not None:
        text += f": {plan.kv_cache_tokens:,} tokens, {plan.max_concurrency:.2f} requests"
        text += f" of {plan.max_model_len:,} tokens at once" if plan.max_model_len else " at once"
    return _sentence(text) + (" Estimated: " + _sentence("; ".join(plan.assumed)) if plan.estimated else "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!")) else f"{text}."
