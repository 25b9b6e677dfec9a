"""To zero and back without losing a request: who stands behind the Service, and when. Pure.

kube-proxy needs a second or two to hear of an endpoint that came or went. So on the way down the activator is behind
the Service before the pods go, and on the way up it stays until the pods are known everywhere.
"""

from dataclasses import dataclass

SETTLED_S = 5.0
"""Seconds after which every node knows an endpoint: kube-proxy syncs once a second, the slices take another one."""


@dataclass(frozen=True)
class Situation:
    """What there is."""

    wanted: int
    """Pods that were decided on."""
    asked: int
    """Pods that the Deployment has now."""
    ready: bool
    """Whether a pod answers."""
    ready_left_s: float
    """Seconds until the pods that answer are known everywhere; SETTLED_S while none answers."""
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
    if now.wanted == 0 and now.asked > 0:
        return _down(now)
    # It stays; it does not come again for pods that answered already when this operator began to look.
    stays = now.door and (now.ready_left_s > 0 or now.held > 0)
    door = (now.wanted == 0 or not now.ready or stays) and now.activators
    again = now.ready_left_s if door and now.ready and now.ready_left_s > 0 else None
    return Step(now.wanted, door, again)


def _down(now: Situation) -> Step:
    if not now.activators:
        # Nobody would hold the next request.
        return Step(now.asked, False)
    if not now.door or now.door_left_s > 0:
        return Step(now.asked, True, now.door_left_s)
    return Step(0, True)
