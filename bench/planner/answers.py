"""What the planner answers to a row, and how far that is off."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.planner.questions import Question, Unanswerable, question_of
from modelberth.planner.overheads import Profiles
from modelberth.planner.plan import DOES_NOT_FIT, PerGpu, Plan
from modelberth.planner.planning import plan_of

Row = dict[str, Any]

DIED = ("kv_too_small", "no_kv_blocks", "oom_load", "oom_graph_or_warmup")


FIGURES = ("weights_gib", "kv_cache_gib", "kv_tokens", "max_concurrency")


def answer(row: Row, facts: dict[str, Row], profiles: Profiles | None = None) -> Row:
    """The prediction for a row: GiB per GPU; null where the row lacks the input."""
    try:
        return _answer(row.get("id"), question_of(row, facts), profiles)
    except Unanswerable as error:
        return _record(row.get("id"), str(error))
    except (ArithmeticError, ValueError, TypeError) as error:
        # Numbers that are none ("Infinity", thousands of digits): a row that cannot be read costs no other its answer.
        return _record(row.get("id"), f"the row cannot be read: {error!r}")


def _answer(name: Any, question: Question, profiles: Profiles | None) -> Row:
    plan = plan_of(question.request, question.model, profiles)
    if plan.per_gpu is None or plan.fits is None:
        return _record(name, "; ".join(str(finding) for finding in plan.findings))
    if not question.split_known and not plan.fits:
        return _record(name, "the row does not say over how many GPUs the model is spread")
    weights = {"weights_gib": round(plan.per_gpu.weights_gib, 4)}
    if not question.gpu_known:
        return _record(name, "the row names no GPU", weights)
    reason = "; ".join(finding.message for finding in plan.findings) or "fits"
    # Rows leave flags out (--dtype, --enable-expert-parallel), so what the hardware rules refuse is no prediction.
    starts = not any(finding.reason == DOES_NOT_FIT for finding in plan.findings)
    return _record(name, reason, weights | _cache(question, plan, plan.per_gpu), starts)


def _cache(question: Question, plan: Plan, per_gpu: PerGpu) -> dict[str, float]:
    """Logs tell the tokens of one data rank, and a KV cache below nothing as what is missing."""
    data = question.request.spec.parallelism.data
    left = per_gpu.budget_gib - per_gpu.weights_gib - per_gpu.activation_gib - per_gpu.overhead_gib
    return {
        "kv_cache_gib": round(per_gpu.kv_cache_gib or min(left, 0.0), 4),
        "kv_tokens": (plan.kv_cache_tokens or 0) // data,
        "max_concurrency": round((plan.max_concurrency or 0) / data, 3),
    }


def _record(name: Any, reason: str, figures: dict[str, float] | None = None, starts: bool | None = None) -> Row:
    known = figures or {}
    return {"id": name, **{figure: known.get(figure) for figure in FIGURES}, "starts": starts, "reason": reason}


@dataclass(frozen=True)
class Error:
    """One prediction beside what was logged."""

    row: Row
    predicted: float
    observed: float

    @property
    def share(self) -> float:
        """Signed, as a share of what was logged."""
        return (self.predicted - self.observed) / self.observed


def errors(rows: Iterable[Row], answers: Iterable[Row], name: str) -> list[Error]:
    """Of one figure, for rows where both sides have it."""
    found = []
    for row, given in zip(rows, answers, strict=True):
        observed = (row.get("observed") or {}).get(name)
        if given[name] is not None and isinstance(observed, int | float) and observed > 0:
            found.append(Error(row, given[name], observed))
    return found


def verdicts(rows: Iterable[Row], answers: Iterable[Row]) -> list[tuple[Row, bool, bool]]:
    """(row, said to start, started) where both are known."""
    found = []
    for row, given in zip(rows, answers, strict=True):
        outcome = (row.get("observed") or {}).get("outcome")
        if given["starts"] is not None and (outcome == "ok" or outcome in DIED):
            found.append((row, given["starts"], outcome == "ok"))
    return found


def summary(rows: list[Row], answers: list[Row], chosen: Callable[[Row], bool]) -> str:
    """A table of errors of the rows that are chosen."""
    pairs = [(row, given) for row, given in zip(rows, answers, strict=True) if chosen(row)]
    rows, answers = [row for row, _ in pairs], [given for _, given in pairs]
    lines = [_line(name, errors(rows, answers, name)) for name in FIGURES]
    judged = verdicts(rows, answers)
    if judged:
        right = sum(said == started for _, said, started in judged)
        wrong = sum(said and not started for _, said, started in judged)
        fits = sum(said for _, said, _ in judged)
        lines.append(f"  starts           n {len(judged):3}  right {right / len(judged):6.1%}")
        lines.append(f"  said to fit      n {fits:3}  died  {wrong / max(fits, 1):6.1%}")
    return "\n".join(line for line in lines if line)


def _line(name: str, found: list[Error]) -> str:
    if not found:
        return ""
    shares = sorted(abs(error.share) for error in found)
    tenth = shares[min(int(0.9 * len(shares)), len(shares) - 1)]
    bias = statistics.median(error.share for error in found)
    return f"  {name:16} n {len(found):3}  median {statistics.median(shares):6.2%}  p90 {tenth:6.1%}  bias {bias:+6.2%}"
