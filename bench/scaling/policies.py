"""Our policy and two in the manner of peers, with the same target, the same bounds and the same delay downwards."""

import math
from collections import deque
from dataclasses import dataclass, field, replace

from bench.scaling.simulator import SLOTS
from modelberth.scaling.memory import Memory
from modelberth.scaling.policy import Bounds, Sample, decide

MOST = 40
DOWN_S = 300.0
IDLE_S = 600.0


def _clamped(replicas: int, least: int) -> int:
    return max(least, min(replicas, MOST))


@dataclass
class Ours:
    """modelberth.scaling.policy, every ten seconds, and at once for requests that are held at zero."""

    least: int
    memory: Memory = field(default_factory=Memory)

    def look(self, sample: Sample) -> int:
        if sample.at_s % 10 and not (sample.held and not sample.replicas):
            return sample.replicas
        bounds = Bounds(self.least, MOST, SLOTS, DOWN_S, IDLE_S)
        decision, self.memory = decide(bounds, self.memory, sample)
        return decision.replicas


class Naive(Ours):
    """Ours, were every waiting request a reason for more replicas while some are coming."""

    def look(self, sample: Sample) -> int:
        return super().look(replace(sample, ready=sample.replicas))


@dataclass
class Knative:
    """KPA: https://github.com/knative/serving/blob/main/pkg/autoscaler/scaling/autoscaler.go with its defaults.

    Every 2 s: averages of 60 s (stable) and 6 s (panic), panic from twice what is ready for a stable window, up by a
    factor of 1000 at most, down by half at most. Its scale-down-delay (default 0) is ours, its last pod goes after our
    idleBeforeZero, and its target utilization is 100 %.
    """

    least: int
    seen: deque[int] = field(default_factory=lambda: deque(maxlen=60))
    wanted: deque[int] = field(default_factory=lambda: deque(maxlen=int(DOWN_S / 2)))
    panic_s: float = -math.inf
    panic_pods: int = 0
    active_s: float = 0.0

    def look(self, sample: Sample) -> int:
        self.seen.append(sample.load)
        if sample.load:
            self.active_s = sample.at_s
        if sample.at_s % 2:
            return sample.replicas
        ready = max(1, sample.ready)
        fewest, most = ready // 2, 1000 * ready
        wanted, panic = self._pods(60), self._pods(6)
        if panic / ready >= 2:
            self.panic_s = sample.at_s
        if sample.at_s - self.panic_s < 60:
            self.panic_pods = wanted = max(self.panic_pods, wanted, panic)
        else:
            self.panic_pods = 0
        self.wanted.append(min(max(wanted, fewest), most))
        if sample.at_s - self.active_s >= IDLE_S or not (sample.replicas or sample.load):
            return self.least
        return _clamped(max(self.wanted), max(1, self.least))

    def _pods(self, seconds: int) -> int:
        last = list(self.seen)[-seconds:]
        return math.ceil(sum(last) / len(last) / SLOTS)


@dataclass
class Kubernetes:
    """HPA with a Pods metric: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and defaults.

    Every 15 s: tolerance 0.1, up by 100 % or 4 pods per 15 s, down to the most of 300 s. Pods that are not ready count
    as idle. It knows no zero. Its metrics are fresh here; a real pipeline adds 15 to 60 s.
    """

    least: int
    wanted: deque[int] = field(default_factory=lambda: deque(maxlen=int(DOWN_S / 15)))

    def look(self, sample: Sample) -> int:
        if sample.at_s % 15:
            return sample.replicas
        now = sample.replicas
        ratio = sample.load / (now * SLOTS)
        wanted = now if abs(ratio - 1) <= 0.1 else math.ceil(now * ratio)
        self.wanted.append(min(wanted, max(2 * now, now + 4)))
        return _clamped(max(self.wanted[-1], min(now, max(self.wanted))), max(1, self.least))
