"""The first line: is it Ready, why, since when. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

Raw = dict[str, Any]

CALM = frozenset(
    {
        "Serving",
        "ScaledToZero",
        "Waking",
        "Starting",
        "Downloading",
        "Updating",
        "Scaling",
        "ResolvingModel",
        "ReadingModel",
    }
)
"""Reasons of Ready that are no problem, whatever its status is."""

UNSEEN = "NotSeen"
"""Reason of a resource that has no status yet; ours, no operator writes it."""


@dataclass(frozen=True)
class Headline:
    """What the condition Ready says."""

    namespace: str
    name: str
    ready: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    since: str | None
    """When ``ready`` last changed, RFC 3339."""
    stalled: bool
    """It will not go on without a person."""
    stale: bool
    """The status speaks of an older spec."""

    @property
    def problem(self) -> bool:
        """Whether something is wrong; an older revision may serve all the same."""
        return self.reason not in CALM or self.stalled

    @property
    def well(self) -> bool:
        """Ready, of the newest spec, and nothing is wrong."""
        return self.ready == "True" and not self.problem and not self.stale


def headline(resource: Raw) -> Headline:
    """Of a ModelDeployment as the API server gives it."""
    meta, status = resource["metadata"], resource.get("status") or {}
    found = conditions(resource)
    ready = found.get("Ready") or {}
    said = ready.get("status")
    return Headline(
        namespace=str(meta.get("namespace", "")),
        name=str(meta["name"]),
        ready=said if said in ("True", "False") else "Unknown",
        reason=str(ready.get("reason") or UNSEEN),
        message=str(ready.get("message") or ""),
        since=ready.get("lastTransitionTime"),
        stalled=found.get("Stalled", {}).get("status") == "True",
        stale=bool(ready) and int(status.get("observedGeneration") or 0) < int(meta.get("generation") or 0),
    )


def conditions(resource: Raw) -> dict[str, Raw]:
    """By type, in the order of the status."""
    status = resource.get("status") or {}
    return {str(each["type"]): each for each in status.get("conditions") or []}
