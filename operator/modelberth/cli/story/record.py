"""-o json: the same facts for machines. Keys are stable; null is what is not known."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

from modelberth.cli.story.events import events_of
from modelberth.cli.story.headline import Raw, headline
from modelberth.cli.story.next_steps import documented, next_step
from modelberth.cli.story.pods import pods_of
from modelberth.cli.story.remarks import remarks
from modelberth.cli.story.seen import Seen
from modelberth.cli.story.surroundings import claims, endpoints, progress, quota_lines


def status_record(resource: Raw) -> Raw:
    """The headline, what to do, and the status as it is."""
    told = headline(resource)
    return {
        **_camel(asdict(told)),
        "problem": told.problem,
        "well": told.well,
        "nextStep": next_step(told) or None,
        "documentation": documented(told) or None,
        "status": resource.get("status") or {},
    }


def diagnosis_record(seen: Seen, now: datetime) -> Raw:
    """The same, and everything around it."""
    told, pods = progress(seen.deployment), pods_of(seen)
    return {
        **status_record(seen.resource),
        "remarks": list(remarks(seen, pods, now)),
        "pods": _camel([asdict(pod) for pod in pods]),
        "deployment": _camel(asdict(told)) if told else None,
        "endpoints": _camel(asdict(endpoints(seen.slices))),
        "claims": _camel([asdict(claim) for claim in claims(seen)]),
        "quotas": _camel([asdict(line) for line in quota_lines(seen.quotas)]),
        "events": _camel([asdict(event) for event in events_of(seen)]),
        "logs": _camel([asdict(log) for log in seen.logs]),
        "unseen": list(seen.unseen),
    }


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"_([a-z])", lambda match: match[1].upper(), key): _camel(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_camel(each) for each in value]
    return value
