"""Who has the last word on a plan."""

from collections.abc import Mapping
from typing import Any

from modelberth.api.meta import GROUP

PLAN_POLICY = f"{GROUP}/plan-policy"
"""Annotation of a ModelDeployment: Enforce (the default) or Warn, in whatever case."""


def overruled(metadata: Mapping[str, Any]) -> bool:
    """Whether an expert lets this resource start although the planner says that it does not fit."""
    annotations = metadata.get("annotations")
    return isinstance(annotations, Mapping) and str(annotations.get(PLAN_POLICY)).lower() == "warn"
