"""Failures that the engine itself, or the container runtime in its place, tells the cause of."""

from modelberth.engines.failures import Failure, read
from modelberth.manifests.names import ENGINE
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.crashes import start_error
from modelberth.reconcile.checks.found import Found, sentence
from modelberth.reconcile.checks.plan import plan_said

_WHAT = {
    "OutOfGpuMemory": "The engine ran out of GPU memory",
    "OutOfMemory": "The engine ran out of memory",
    "KVCacheTooSmall": "The KV cache does not hold what the spec asks for",
    "EngineArgsRejected": "The engine refuses its arguments",
    "UnsupportedModel": "This engine cannot serve this model",
    "CheckpointCorrupt": "The engine cannot read the weights",
    "ConfigMissing": "The engine misses what the spec names",
    "DriverTooOld": "The GPU driver of the node is too old for this image",
}


def engine_failed(case: Case) -> Found | None:
    """What the engine's last words mean (engines/failures)."""
    for container in case.containers(ENGINE):
        ended = container.ended
        text = start_error(container) or (str(ended.get("message") or "") if ended.get("exitCode") != 0 else "")
        if container.engine is None or not text:
            continue
        failure = read(container.engine, text)
        if failure is not None:
            what = _WHAT.get(failure.reason, "The engine ended")
            advice = " ".join(sentence(text) for text in (_plan(case, failure), failure.advice) if text)
            return Found(failure.reason, what, "\n".join(failure.lines), advice)
    return None


def _plan(case: Case, failure: Failure) -> str:
    if failure.reason == "OutOfGpuMemory":
        return plan_said(case.plan, failure.amounts)
    tokens = case.plan.get("kvCacheTokens")
    if failure.reason == "KVCacheTooSmall" and tokens is not None:
        return f"The plan expected a KV cache of {tokens} tokens"
    return ""
