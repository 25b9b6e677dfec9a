"""To zero and back without losing a request: who stands behind the Service, and when. Pure.

kube-proxy needs a second or two to hear of an endpoint that came or went. So on the way down the activator is behind
the Service before the pods go, and on the way up it stays until the pods are known everywhere.
"""

from dataclasses import dataclass

SETTLED_S = 5.0
"""Seconds after which every node knows an endpoint: kube-proxy syncs once a second, the slices take another one."""
HELD_S = 30.0
"""Seconds after which pods that answer have the Service to themselves although requests are held: whatever keeps the
activator from the pods need not keep everybody else from them."""


@dataclass(frozen=True)
class Situation:
    """What there is."""

    wanted: int
    """Pods that were decided on."""
    asked: int
    """Pods that the Deployment has now."""
    to_zero: bool
    """Whether the model may be at zero, or is only on its way back from there."""
    ready: bool
    """Whether a pod answers."""
    ready_left_s: float
    """Seconds until the pods that answer are known everywhere; SETTLED_S while none answers."""
    held_left_s: float
    """Seconds until they have answered for HELD_S; HELD_S while none answers."""
    door: bool
    """Whether the Service leads to the activator now."""
    door_left_s: float
    """Seconds until that is known everywhere; SETTLED_S while it does not."""
    held: int
    """Requests that the activators hold."""
    activators: bool
    """Whether one is ready."""


@dataclass(frozen=True)
class Step:
    """What there should be now."""

    replicas: int
    door: bool
    again_s: float | None = None
    """When to look again without an event."""


def step(now: Situation) -> Step:
    """The next step towards ``wanted``; the same step again where nothing is left to do."""
    if now.to_zero and now.wanted == 0 and now.asked > 0:
        return _down(now)
    # Once there, it stays also while all activators are away for a moment.
    can = now.activators or now.door
    if now.wanted == 0:
        return Step(0, now.to_zero and can)
    if not now.ready:
        return Step(now.wanted, can if now.to_zero else now.door)
    # It does not come again for pods that answered already when this operator began to look.
    left = max(now.ready_left_s, now.held_left_s if now.held else 0.0)
    return Step(now.wanted, True, left) if now.door and left > 0 else Step(now.wanted, False)


def _down(now: Situation) -> Step:
    if not now.activators:
        # Nobody would hold the next request.
        return Step(now.asked, now.door)
    if not now.door or now.door_left_s > 0:
        return Step(now.asked, True, now.door_left_s)
    return Step(0, True)
