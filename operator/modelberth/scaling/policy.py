"""How many replicas: as many as the requests need, up at once, down when fewer were enough for a while."""

import math
from dataclasses import replace

from modelberth.scaling.decision import Decision, Reason
from modelberth.scaling.memory import Memory, asking, needing, seen
from modelberth.scaling.sample import Bounds, Sample

__all__ = ["Bounds", "Decision", "Memory", "Sample", "decide"]

SUSTAINED_S = 5.0
"""Seconds over which requests must wait in two looks before that alone asks for a replica."""
MISSING_S = 30.0
"""Seconds without an answer of a ready replica before status tells it."""
KV_FULL = 0.95
"""Share of the KV cache in use from which waiting requests ask for a replica at once: engines preempt soon."""
KV_HIGH = 0.9
"""Share of the KV cache in use from which no replica is taken away."""


def decide(bounds: Bounds, memory: Memory, sample: Sample) -> tuple[Decision, Memory]:
    """The replicas to ask for now, and the memory for the next sample. Samples come in the order of their time."""
    memory = seen(memory, sample)
    needed = _needed(bounds, memory, sample)
    memory = needing(memory, needed, bounds.scale_down_delay_s)
    wanted = _wanted(bounds, memory, sample, needed)
    replicas = _allowed(bounds, memory, sample, wanted)
    if memory.change is None or replicas != memory.change.replicas:
        memory = replace(memory, change=_change(bounds, sample, replicas, memory.change))
    return _told(bounds, memory, sample), asking(memory, sample.at_s, replicas)


def _needed(bounds: Bounds, memory: Memory, sample: Sample) -> int:
    """Replicas for the load of this sample, whatever the bounds are."""
    load = min(sample.load, memory.demand) if memory.filling else sample.load
    needed = math.ceil(load / bounds.target_concurrency)
    usage = sample.kv_usage or 0.0
    if sample.waiting and not memory.filling:
        sustained = memory.waiting_s is not None and sample.at_s - memory.waiting_s >= SUSTAINED_S
        if sustained or usage >= KV_FULL:
            needed = max(needed, sample.replicas + 1)
    if sample.waiting or sample.held or usage >= KV_HIGH or not sample.complete:
        needed = max(needed, sample.replicas)
    return needed


def _wanted(bounds: Bounds, memory: Memory, sample: Sample, needed: int) -> int:
    """Replicas between the bounds: up to what is needed now, down to the most that was needed in the window."""
    if bounds.min_replicas == 0 and _idle(bounds, memory, sample):
        return 0
    if needed > sample.replicas:
        wanted = needed
    elif memory.since_s <= sample.at_s - bounds.scale_down_delay_s:
        wanted = min(sample.replicas, memory.needs[0].value)
    else:
        wanted = sample.replicas
    # The last replica goes by idleness only, and at zero nothing but a request brings one.
    wanted = max(wanted, min(sample.replicas, 1))
    return max(bounds.min_replicas, min(wanted, bounds.max_replicas))


def _idle(bounds: Bounds, memory: Memory, sample: Sample) -> bool:
    idle_s = sample.at_s - memory.active_s
    return sample.complete and sample.load == 0 and not sample.loading and idle_s >= bounds.idle_before_zero_s


def _allowed(bounds: Bounds, memory: Memory, sample: Sample, wanted: int) -> int:
    """No faster than the rate, and no more than asked for while those have no place; minReplicas rules over both."""
    lately = min(point.value for point in memory.asked)
    limit = max(2 * lately, lately + 4)
    if _has_no_place(sample):
        limit = sample.replicas
    return max(bounds.min_replicas, min(wanted, limit))


def _has_no_place(sample: Sample) -> bool:
    return sample.unschedulable and sample.replicas > 0


def _change(bounds: Bounds, sample: Sample, replicas: int, before: Decision | None) -> Decision:
    """What is said of a change, with the figures of its moment."""
    now = sample.replicas
    reason: Reason
    if replicas == now and before is not None and before.replicas == 0:
        return Decision(replicas, "Woken", "A request came before the last pod went.")
    if replicas == now:
        return Decision(replicas, "Steady", "No change since the operator found this number of pods.")
    if replicas == bounds.min_replicas > now or replicas == bounds.max_replicas < now:
        return Decision(replicas, "BoundsChanged", f"{_pods(now)}, outside of minReplicas and maxReplicas.")
    requests = f"{sample.load} requests" if sample.load != 1 else "1 request"
    if replicas > now:
        reason = "LoadIncreased" if now else "Woken"
        return Decision(replicas, reason, f"{requests} for {_pods(now)}; one is meant for {bounds.target_concurrency}.")
    if replicas == 0:
        return Decision(replicas, "Idle", f"No request for {bounds.idle_before_zero_s:g} s.")
    return Decision(replicas, "LoadDecreased", f"No more was needed for {bounds.scale_down_delay_s:g} s.")


def _told(bounds: Bounds, memory: Memory, sample: Sample) -> Decision:
    """What stands in the way, else the last change."""
    assert memory.change is not None
    replicas = memory.change.replicas
    most = memory.needs[0].value
    if _has_no_place(sample) and max(most, bounds.min_replicas) > sample.ready:
        return Decision(replicas, "Unschedulable", "More pods are needed than the scheduler finds a place for.")
    if memory.missing_s is not None and sample.at_s - memory.missing_s >= MISSING_S:
        return Decision(replicas, "MetricsMissing", "A ready pod does not tell its requests: no pod is taken away.")
    # The change itself is told first.
    if most > bounds.max_replicas == replicas == sample.replicas:
        return Decision(replicas, "AtMaximum", f"The requests need more than maxReplicas ({bounds.max_replicas}).")
    return memory.change


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
