"""What this engine version cannot run on this GPU, or not in this split: found before a pod is made."""

from modelberth.api.finding import Finding
from modelberth.planner.gpus import Gpu
from modelberth.planner.model import Model
from modelberth.planner.plan import UNSUPPORTED
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules.amd import amd
from modelberth.planner.rules.architectures import architectures
from modelberth.planner.rules.capability import WEIGHT_ONLY, engine_capability, weight_capability
from modelberth.planner.rules.case import Case
from modelberth.planner.rules.context import CAPPED, context
from modelberth.planner.rules.cpu import cpu
from modelberth.planner.rules.devices import devices
from modelberth.planner.rules.dtypes import CAST, dtypes
from modelberth.planner.rules.formats import formats
from modelberth.planner.rules.kv_cache import kv_cache
from modelberth.planner.rules.mismatch import mismatch
from modelberth.planner.rules.options import options
from modelberth.planner.rules.splits import splits

__all__ = ["BLOCKING", "CAPPED", "CAST", "WEIGHT_ONLY", "rule_findings"]

BLOCKING = frozenset({UNSUPPORTED})
"""Reasons of findings that keep the engine from starting; the others (WEIGHT_ONLY, CAST, CAPPED) are warnings."""

_RULES = (
    *(devices, engine_capability, architectures, formats, mismatch, weight_capability, amd, cpu, dtypes, kv_cache),
    *(splits, context, options),
)


def rule_findings(request: PlanRequest, model: Model, gpu: Gpu | None) -> list[Finding]:
    """Refusals (reason in BLOCKING) and warnings. ``gpu`` is None on device CPU."""
    case = Case(request, model, gpu)
    return [finding for rule in _RULES for finding in rule(case)]
