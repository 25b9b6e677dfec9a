"""What would fit: changes of the spec, each planned before it is said.

The order is by what a change costs the user, the least first: a larger share of the GPU, fewer sequences at once, a
shorter context, an 8-bit KV cache, other types of weights, then more GPUs, then other GPUs. A context of less than a
quarter of what the spec asks for stands behind the types of weights: whoever wrote it down needs it.
Two changes together are said only where no single one that costs as little is enough: on the same GPUs, on more of
them, on others. What has to be replaced whatever else changes does not count: a dtype that the GPU lacks, a
quantization that is not the checkpoint's, a resource of another vendor.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from modelberth.planner.changes import (
    Kind,
    Step,
    bigger_gpu,
    bigger_node,
    context_of_use,
    fewer_sequences,
    fewer_slots,
    more_memory,
    more_tensor,
    other_dtype,
    other_quantization,
    other_resource,
    other_utilization,
    refuses,
    shorter_context,
    smaller_kv_cache,
)
from modelberth.planner.plan import Advice, Plan
from modelberth.planner.quantized import quantized
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules import CAPPED

MOST = 5
"""Pieces of advice at most."""
MOST_PLANS = 60
"""Plans made for one request at most, so that a thousand resources that do not fit take seconds."""

PlanOnce = Callable[[PlanRequest], Plan]

# The cheapest first.
_SINGLE: tuple[Kind, ...] = (
    other_resource,
    other_quantization,
    other_utilization,
    fewer_sequences,
    shorter_context,
    smaller_kv_cache,
    other_dtype,
    quantized,
    more_memory,
    more_tensor,
    bigger_gpu,
)
_MUCH = 4
"""A context that is this many times shorter than asked for is no cheap change any more."""

_REPAIRS: tuple[tuple[str, Kind], ...] = (
    ("spec.gpu.resourceName", other_resource),
    ("spec.quantization", other_quantization),
    ("spec.dtype", other_dtype),
)
"""Fields that may be refused whatever else the spec says, and what replaces them."""

# The first of each pair is fixed at its mildest step with which the second can help at all.
_ON_THE_SAME_GPUS: tuple[tuple[Kind, Kind], ...] = (
    (other_utilization, context_of_use),
    (smaller_kv_cache, context_of_use),
    (fewer_slots, quantized),
    (quantized, context_of_use),
)
_ON_MORE_GPUS: tuple[tuple[Kind, Kind], ...] = (
    (quantized, more_tensor),
    (more_tensor, context_of_use),
)
_ON_OTHER_GPUS: tuple[tuple[Kind, Kind], ...] = ((bigger_node, more_tensor),)


def advise(request: PlanRequest, plan_once: PlanOnce) -> tuple[Advice, ...]:
    """At most five changes that make the request fit, the cheapest for the user first.

    Empty where it fits already, or where it is not known whether it does.
    """
    plan = plan_once(request)
    if plan.fits is not False:
        return ()
    search = _Search(plan_once)
    bases = search.bases(_Changed((), request, plan))
    found = sorted(search.singles(bases), key=lambda single: _rank(single, request))
    for pairs, costlier in (
        (_ON_THE_SAME_GPUS, (more_memory, more_tensor, bigger_gpu)),
        (_ON_MORE_GPUS, (bigger_gpu,)),
        (_ON_OTHER_GPUS, ()),
    ):
        if all(each.kind in costlier for each in found):
            found = [*search.pairs(pairs, bases[-1]), *found]
    return tuple(each.advice for each in found[:MOST])


@dataclass(frozen=True)
class _Changed:
    """The request after some changes, planned."""

    steps: tuple[Step, ...]
    request: PlanRequest
    plan: Plan
    kind: Kind | None = None
    """Of the last change."""

    @property
    def advice(self) -> Advice:
        change = " and ".join(_words(step, self.plan) for step in self.steps)
        return Advice(change, True, self.plan.kv_cache_tokens or 0, self.plan.max_concurrency or 0.0)


class _Search:
    """Plans steps, up to a bound."""

    def __init__(self, plan_once: PlanOnce) -> None:
        self._plan_once = plan_once
        self._left = MOST_PLANS - 1

    def bases(self, asked: _Changed) -> tuple[_Changed, ...]:
        """What changes start from: the request, and where fields of it are refused the same with others too."""
        bases = [asked]
        for field, kind in _REPAIRS:
            if refuses(bases[-1].plan, field):
                steps = kind(bases[-1].request, bases[-1].plan).steps
                changed = (self._plan(bases[-1], step) for step in steps)
                repaired = next((each for each in changed if each and not refuses(each.plan, field)), None)
                bases += [repaired] if repaired and not repaired.plan.fits else []
        return tuple(bases)

    def singles(self, bases: tuple[_Changed, ...]) -> list[_Changed]:
        """Of each kind the mildest step that fits."""
        return [found for kind in _SINGLE if (found := self.one(kind, bases))]

    def pairs(self, pairs: tuple[tuple[Kind, Kind], ...], base: _Changed) -> list[_Changed]:
        """Of each pair of kinds the mildest steps that fit together."""
        return [found for first, second in pairs if (found := self.two(first, second, base))]

    def one(self, kind: Kind, bases: tuple[_Changed, ...]) -> _Changed | None:
        """The mildest step of the kind that fits, from the first base with which one does."""
        return next(filter(None, (self._climb(kind, base) for base in bases)), None)

    def two(self, first: Kind, second: Kind, base: _Changed) -> _Changed | None:
        """The mildest step of the first kind with which some step of the second fits."""
        changed = (self._plan(base, step) for step in first(base.request, base.plan).steps)
        return next(filter(None, (self._climb(second, each) for each in changed if each)), None)

    def _climb(self, kind: Kind, base: _Changed) -> _Changed | None:
        ladder = kind(base.request, base.plan)
        found = self._by_halves(base, ladder.steps) if ladder.monotone else self._in_turn(base, ladder.steps)
        return replace(found, kind=kind) if found else None

    def _by_halves(self, base: _Changed, steps: tuple[Step, ...]) -> _Changed | None:
        best = self._try(base, steps[-1]) if steps else None
        low, high = 0, len(steps) - 1
        while best and low < high:
            middle = (low + high) // 2
            found = self._try(base, steps[middle])
            if found:
                best, high = found, middle
            else:
                low = middle + 1
        return best

    def _in_turn(self, base: _Changed, steps: tuple[Step, ...]) -> _Changed | None:
        return next(filter(None, (self._try(base, step) for step in steps)), None)

    def _try(self, base: _Changed, step: Step) -> _Changed | None:
        changed = self._plan(base, step)
        return changed if changed and changed.plan.fits and not _capped(changed, base) else None

    def _plan(self, base: _Changed, step: Step) -> _Changed | None:
        """None where the bound is reached."""
        if self._left == 0:
            return None
        self._left -= 1
        return _Changed((*base.steps, step), step.request, self._plan_once(step.request))


def _capped(changed: _Changed, base: _Changed) -> bool:
    """Whether a context is changed to one that the engine does not serve in full."""
    shorter = changed.request.spec.max_model_len != base.request.spec.max_model_len
    return shorter and any(finding.reason == CAPPED for finding in changed.plan.findings)


def _rank(found: _Changed, request: PlanRequest) -> float:
    asked, kept = request.spec.max_model_len, found.request.spec.max_model_len
    if found.kind is shorter_context and asked and kept and kept * _MUCH < asked:
        return _SINGLE.index(more_memory) - 0.5
    return next(rank for rank, kind in enumerate(_SINGLE) if kind is found.kind)


def _words(step: Step, plan: Plan) -> str:
    if not step.tells_weights or plan.per_gpu is None:
        return step.change
    where = " per GPU" if plan.gpus_per_replica else ""
    return f"{step.change} ({plan.per_gpu.weights_gib:.1f} GiB of weights{where})"
