"""What the plan had said of memory that did not suffice, and by how much it erred."""

from modelberth.engines.failures import Amounts
from modelberth.reconcile.observed import Raw

SAME_GPU_GIB = 0.5
"""Products of a name differ by so much (ECC, the driver's share) without being other ones."""


def plan_said(plan: Raw, amounts: Amounts) -> str:
    """Sentences without the last full stop. ``plan`` is status.plan."""
    per = plan.get("perGpu")
    if not per:
        return "Nothing was planned: with spec.gpu.type or spec.gpu.memoryGiB the plan says before what fits"
    fits = plan.get("fits")
    used = per["weightsGiB"] + per["activationGiB"] + per["overheadGiB"]
    where = "GPU" if plan.get("gpusPerReplica") else "memory limit"
    facts = [
        f"The plan {'called it fitting' if fits else 'said that it does not fit'}: {used:.2f} GiB of weights, "
        f"activations and overheads and {per['kvCacheGiB']:.2f} GiB of KV cache, within {per['budgetGiB']:.2f} of the "
        f"{per['totalGiB']:.2f} GiB of the {where}",
        *_error(per["totalGiB"], amounts),
    ]
    if fits:
        facts.append("If nobody else uses that memory, please report this plan")
    elif plan.get("advice"):
        facts.append("It fits with " + ", or with ".join(one["change"] for one in plan["advice"]))
    return ". ".join(facts)


def _error(planned_gib: float, amounts: Amounts) -> list[str]:
    facts = []
    total, short = amounts.total_gib, amounts.short_gib
    if total is not None and planned_gib - total > SAME_GPU_GIB:
        facts.append(f"This GPU has {total:.2f} GiB, {planned_gib - total:.2f} GiB less than was planned with")
    if short:
        facts.append(f"The engine lacked {short:.2f} GiB")
    elif amounts.needed_gib is not None and short is None:
        facts.append(f"The engine asked for {amounts.needed_gib:.2f} GiB and did not get it")
    elif short is not None:
        # What is free lies in pieces.
        facts.append("So much was free, but not in one piece")
    return facts
