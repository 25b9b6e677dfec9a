"""How many pods a ModelDeployment should have now, and whether the activator stands in for them."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.scalars import seconds
from modelberth.api.spec import Autoscaling
from modelberth.manifests.scale import Door, Scale, built_in, first_replicas
from modelberth.ports.activators import Peer
from modelberth.reconcile.activator_ports import ActivatorPorts
from modelberth.reconcile.checks.scheduling import no_place
from modelberth.reconcile.observed import Observed, Raw, engine_ready
from modelberth.reconcile.size import Size
from modelberth.reconcile.timers import Key, Timers
from modelberth.scaling.policy import Bounds, Decision
from modelberth.scaling.scaler import Scaler
from modelberth.scaling.subject import Pod, Subject
from modelberth.scaling.target import target_of
from modelberth.scaling.zero import HELD_S, SETTLED_S, Situation, Step, step

NO_ACTIVATOR = "No activator is ready to hold requests at zero: the last pod stays."


class Activators(Protocol):
    """Who can hold requests, and what they hold."""

    @property
    def addresses(self) -> tuple[Peer, ...]:
        """Those that are ready."""
        ...

    def held(self, key: Key) -> int: ...


@dataclass
class Sizing:
    """Remembers only how long things have been as they are; everything else is read anew each time."""

    scaler: Scaler
    activators: Activators | None
    """None: this installation has none."""
    ports: ActivatorPorts
    _ready: Timers = field(default_factory=Timers)
    """How long pods have answered."""
    _held: Timers = field(default_factory=Timers)
    """The same, for requests that are held all the same."""
    _door: Timers = field(default_factory=Timers)
    """How long the activator has stood behind the Service."""

    def of(self, key: Key, md: ModelDeployment, observed: Observed, plan: Raw) -> Size:
        """``plan`` is status.plan as it is going to be."""
        autoscaling = built_in(md)
        size = self._unscaled(key, md, observed) if autoscaling is None else self._scaled(key, md, observed, plan)
        to_zero = autoscaling is not None and autoscaling.min_replicas == 0
        # A model that is at zero when that is no longer wanted comes up behind its activators like any other.
        if to_zero or "EndpointSlice" in observed.children:
            return self._with_door(key, observed, size, to_zero)
        if self.ports.has(key, observed):
            return replace(size, scale=replace(size.scale, port=self.ports.of(key, observed)))
        return size

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone."""
        self.scaler.forget(key)
        self.ports.forget(key)
        for timers in (self._ready, self._held, self._door):
            timers.forget(key)

    def _unscaled(self, key: Key, md: ModelDeployment, observed: Observed) -> Size:
        self.scaler.forget(key)
        replicas = first_replicas(md)
        return Size(Scale(replicas), (asked_of(observed, 0) or md.spec.replicas) if replicas is None else replicas)

    def _scaled(self, key: Key, md: ModelDeployment, observed: Observed, plan: Raw) -> Size:
        autoscaling = md.spec.autoscaling
        assert autoscaling is not None
        said = autoscaling.target_concurrency
        target = target_of(said, plan.get("maxConcurrency"), md.spec.max_num_seqs, md.spec.engine.type)
        subject = _subject(md, autoscaling, target[0], observed)
        decision = self.scaler.follow(key, subject)
        wanted = decision.replicas if decision else subject.replicas
        wanted = min(max(wanted, autoscaling.min_replicas), autoscaling.max_replicas)
        if wanted == 0 and self._stays(subject.replicas):
            wanted = max(subject.replicas, 1)
            decision = Decision(wanted, "NoActivator", NO_ACTIVATOR)
        return Size(Scale(wanted), wanted, target, decision)

    def _stays(self, asked: int) -> bool:
        """Whether nobody would hold the next request. At zero already, activators that are away come back."""
        return self.activators is None or (asked > 0 and not self.activators.addresses)

    def _with_door(self, key: Key, observed: Observed, size: Size, to_zero: bool) -> Size:
        peers = self.activators.addresses if self.activators else ()
        made = observed.children.get("EndpointSlice")
        ready = any(engine_ready(pod) for pod in observed.pods)
        now = Situation(
            wanted=size.wanted,
            asked=asked_of(observed, size.wanted),
            to_zero=to_zero,
            ready=ready,
            ready_left_s=_left(self._ready, key, ready, SETTLED_S),
            held_left_s=_left(self._held, key, ready, HELD_S),
            door=made is not None,
            door_left_s=_left(self._door, key, made is not None, SETTLED_S),
            held=self.activators.held(key) if self.activators else 0,
            activators=bool(peers),
        )
        then = step(now)
        if then.replicas == 0 < now.asked and not self.scaler.fresh(key):
            # A request may have come since the last look, and outlast the time that a pod has for its end.
            then = Step(now.asked, door=True)
        # With all activators away for a moment, the slice keeps those that it has.
        endpoints = tuple((peer.ip, peer.node) for peer in peers) or _endpoints(made)
        door = Door(endpoints) if then.door and endpoints else None
        replicas = None if size.scale.replicas is None else then.replicas
        return replace(size, scale=Scale(replicas, self.ports.of(key, observed), door), again_s=then.again_s)


def asked_of(observed: Observed, otherwise: int) -> int:
    """Pods that the Deployment is told to have."""
    return int(observed.workload["spec"].get("replicas", 1)) if observed.workload else otherwise


def _subject(md: ModelDeployment, autoscaling: Autoscaling, target: int, observed: Observed) -> Subject:
    ready = (pod for pod in observed.pods if engine_ready(pod) and pod["status"].get("podIP"))
    return Subject(
        engine=md.spec.engine.type,
        bounds=Bounds(
            min_replicas=autoscaling.min_replicas,
            max_replicas=autoscaling.max_replicas,
            target_concurrency=target,
            scale_down_delay_s=seconds(autoscaling.scale_down_delay),
            idle_before_zero_s=seconds(autoscaling.idle_before_zero),
        ),
        replicas=asked_of(observed, first_replicas(md) or 0),
        pods=tuple(Pod(pod["metadata"]["uid"], pod["status"]["podIP"]) for pod in ready),
        unschedulable=no_place(observed),
    )


def _left(timers: Timers, key: Key, on: bool, seconds: float) -> float:
    """Seconds until the state has lasted so long."""
    if on:
        return timers.left(key, seconds)
    timers.forget(key)
    return seconds


def _endpoints(made: Raw | None) -> tuple[tuple[str, str | None], ...]:
    given = (made or {}).get("endpoints") or ()
    return tuple((endpoint["addresses"][0], endpoint.get("nodeName")) for endpoint in given)
