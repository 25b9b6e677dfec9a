"""What the policy answers.

A decision is written to status, so between two changes it stays equal: its message tells the figures of the moment
when the number of replicas changed, and lasts until the next change or until something begins or ends to stand in the
way.

| reason         | meaning                                                                      |
|----------------|------------------------------------------------------------------------------|
| Steady         | no change since the operator found this number                               |
| LoadIncreased  | the last change: more requests than the replicas are meant for               |
| LoadDecreased  | the last change: fewer replicas were enough for scaleDownDelay               |
| Idle           | the last change: to zero, after idleBeforeZero without a request             |
| Woken          | the last change: from zero, a request is held                                |
| BoundsChanged  | the last change: minReplicas or maxReplicas                                  |
| Unschedulable  | more are needed than the scheduler has place for: no more are asked for      |
| MetricsMissing | a ready replica has not answered for a while: nothing is taken away          |
| AtMaximum      | the load needs, or needed within scaleDownDelay, more than maxReplicas       |
| NoActivator    | idle, but this installation has nobody to hold requests at zero              |
"""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "Steady",
    "LoadIncreased",
    "LoadDecreased",
    "Idle",
    "Woken",
    "BoundsChanged",
    "Unschedulable",
    "MetricsMissing",
    "AtMaximum",
    "NoActivator",
]


@dataclass(frozen=True)
class Decision:
    """How many replicas to ask for, and why."""

    replicas: int
    reason: Reason
    message: str
