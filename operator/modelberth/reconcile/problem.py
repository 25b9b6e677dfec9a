"""Why a ModelDeployment is not what its spec asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One stable reason, a message for people that says what to do, and whether only a person can end it.

    The message holds no counter or time that moves while nothing else does: every change is a write.
    """

    reason: str
    message: str
    stalled: bool
