"""What was looked up around one ModelDeployment: raw objects, as the API server gave them."""

from dataclasses import dataclass, field

from modelberth.cli.story.headline import Raw


@dataclass(frozen=True)
class Log:
    """The last lines of one container."""

    pod: str
    container: str
    previous: bool
    """Of the run before this one."""
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """Everything; a look-up that was refused left its part empty, and a line in ``unseen``."""

    resource: Raw
    deployment: Raw | None = None
    replica_sets: list[Raw] = field(default_factory=list)
    pods: list[Raw] = field(default_factory=list)
    """Those of the engine, and the ones that read facts or prefetch."""
    events: list[Raw] = field(default_factory=list)
    """Of the whole namespace."""
    service: Raw | None = None
    slices: list[Raw] = field(default_factory=list)
    claims: list[Raw] = field(default_factory=list)
    quotas: list[Raw] = field(default_factory=list)
    logs: tuple[Log, ...] = ()
    unseen: tuple[str, ...] = ()
    """A line for each look-up that the API server refused."""
    refused: frozenset[str] = frozenset()
    """Which those were, so that what is empty is not taken for what is not there: names of the fields above."""
