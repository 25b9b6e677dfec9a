"""``status.observed``: what the running engine says of its KV cache, beside what the plan said. Pure."""

from typing import Any

from modelberth.engines.capacity import Capacity
from modelberth.reconcile.observed import Raw


def observed_of(capacity: Capacity, plan_tokens: int | None) -> dict[str, Any]:
    """status.observed. ``plan_tokens`` is status.plan.kvCacheTokens; both are per replica.

    planErrorPercent = 100 x (plan - observed) / observed, rounded to 0.1. Positive: the plan promised more than there
    is. Without a planned number there is no error.
    """
    record: dict[str, Any] = {"kvCacheTokens": capacity.kv_tokens}
    if capacity.max_concurrency is not None:
        record["maxConcurrency"] = round(capacity.max_concurrency, 2)
    if plan_tokens is not None:
        # + 0.0: no negative zero.
        record["planErrorPercent"] = round(100 * (plan_tokens - capacity.kv_tokens) / capacity.kv_tokens, 1) + 0.0
    return record


def recorded(status: Raw) -> Capacity | None:
    """What a status says was observed."""
    record = status.get("observed") or {}
    tokens = record.get("kvCacheTokens")
    return Capacity(int(tokens), record.get("maxConcurrency")) if tokens else None
