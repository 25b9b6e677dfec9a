"""How many pods a ModelDeployment should have now, and whether the activator stands in for them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.scalars import seconds
from modelberth.api.spec import Autoscaling
from modelberth.manifests.activator_slice import free_port
from modelberth.manifests.names import ACTIVATOR_PORT
from modelberth.manifests.scale import Door, Scale, built_in, first_replicas
from modelberth.ports.activators import Peer
from modelberth.reconcile.observed import Observed, Raw, engine_ready
from modelberth.reconcile.pod_checks import unschedulable
from modelberth.reconcile.size import Size
from modelberth.reconcile.timers import Key, Timers
from modelberth.scaling.policy import Bounds, Decision
from modelberth.scaling.scaler import Scaler
from modelberth.scaling.subject import Pod, Subject
from modelberth.scaling.target import target_of
from modelberth.scaling.zero import SETTLED_S, Situation, step


class Activators(Protocol):
    """Who can hold requests, and what they hold."""

    @property
    def addresses(self) -> tuple[Peer, ...]:
        """Those that are ready."""
        ...

    def held(self, key: Key) -> int: ...


class Objects(Protocol):
    """The store, as far as it tells which ports are taken."""

    def all(self, kind: str) -> Iterable[Raw]: ...


@dataclass
class Sizing:
    """Remembers only how long things have been as they are; everything else is read anew each time."""

    scaler: Scaler
    activators: Activators | None
    """None: this installation has none."""
    objects: Objects
    _ready: Timers = field(default_factory=Timers)
    """How long pods have answered."""
    _door: Timers = field(default_factory=Timers)
    """How long the activator has stood behind the Service."""
    _ports: dict[Key, int] = field(default_factory=dict)
    """Ports that were given away; their Services may not be known yet."""

    def of(self, key: Key, md: ModelDeployment, observed: Observed, plan: Raw) -> Size:
        """``plan`` is status.plan as it is going to be."""
        autoscaling = built_in(md)
        if autoscaling is None:
            self.forget(key)
            return Size(Scale(first_replicas(md)))
        said = autoscaling.target_concurrency
        target = target_of(said, plan.get("maxConcurrency"), md.spec.max_num_seqs, md.spec.engine.type)
        subject = _subject(md, autoscaling, target[0], observed)
        decision = self.scaler.follow(key, subject)
        wanted = decision.replicas if decision else subject.replicas
        wanted = min(max(wanted, autoscaling.min_replicas), autoscaling.max_replicas)
        if autoscaling.min_replicas > 0:
            return Size(Scale(wanted), wanted, target, decision)
        if self.activators is None and wanted == 0:
            wanted, decision = 1, Decision(1, "NoActivator", "There is no activator to hold requests at zero.")
        return self._with_zero(key, observed, subject, Size(Scale(wanted), wanted, target, decision))

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone, or is not scaled by us."""
        self.scaler.forget(key)
        self._ready.forget(key)
        self._door.forget(key)
        self._ports.pop(key, None)

    def _with_zero(self, key: Key, observed: Observed, subject: Subject, size: Size) -> Size:
        peers = self.activators.addresses if self.activators else ()
        there = "EndpointSlice" in observed.children
        now = Situation(
            wanted=size.wanted,
            asked=subject.replicas,
            ready=bool(subject.pods),
            ready_left_s=_left(self._ready, key, bool(subject.pods)),
            door=there,
            door_left_s=_left(self._door, key, there),
            held=self.activators.held(key) if self.activators else 0,
            activators=bool(peers),
        )
        next_step = step(now)
        door = Door(tuple((peer.ip, peer.node) for peer in peers)) if next_step.door else None
        return replace(
            size, scale=Scale(next_step.replicas, self._port(key, observed), door), again_s=next_step.again_s
        )

    def _port(self, key: Key, observed: Observed) -> int:
        known = _port_of(observed.children.get("Service"))
        if known is not None:
            self._ports.pop(key, None)
            return known
        if key not in self._ports:
            services = map(_port_of, self.objects.all("Service"))
            # Those of slices that others made, too: who claims a port first would get the requests of its next owner.
            slices = (port["port"] for raw in self.objects.all("EndpointSlice") for port in raw.get("ports") or ())
            taken = {*self._ports.values(), *slices, *(port for port in services if port is not None)}
            self._ports[key] = free_port(observed.uid, taken)
        return self._ports[key]


def _subject(md: ModelDeployment, autoscaling: Autoscaling, target: int, observed: Observed) -> Subject:
    workload = observed.workload
    asked = int(workload["spec"].get("replicas", 1)) if workload else first_replicas(md) or 0
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
        replicas=asked,
        pods=tuple(Pod(pod["metadata"]["uid"], pod["status"]["podIP"]) for pod in ready),
        unschedulable=unschedulable(observed) is not None,
    )


def _left(timers: Timers, key: Key, on: bool) -> float:
    """Seconds until the state has lasted SETTLED_S."""
    if on:
        return timers.left(key, SETTLED_S)
    timers.forget(key)
    return SETTLED_S


def _port_of(service: Raw | None) -> int | None:
    text = ((service or {}).get("metadata", {}).get("annotations") or {}).get(ACTIVATOR_PORT, "")
    return int(text) if text.isdecimal() else None
