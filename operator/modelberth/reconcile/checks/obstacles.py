"""The scheduler's words for nodes that do not take a pod, in words that say what to change.

"0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint(s). preemption: ...", as FitError
writes it: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/scheduler/framework/types.go
"""

import re
from dataclasses import dataclass

_AVAILABLE = re.compile(r"^0/(\d+) nodes are available: (.*)$", re.DOTALL)
_COUNTED = re.compile(r"(?:^|, )(\d+) ")
_AFTERWARDS = re.compile(r"\.? *(?:preemption:|no new claims to deallocate|no pods? .*victims|No preemption victims)")

_WORDS = (
    (r"Insufficient (\S+)", r"too little free \1"),
    (r"Too many pods", "no more pods may run there"),
    (r"node\(s\) had untolerated taint \{(\S+?)(?:: ?(\S*?))?\}", r"the taint \1, which the pod does not tolerate"),
    (r"node\(s\) had (?:untolerated taint\(s\)|taints? .*tolerate)", "a taint that the pod does not tolerate"),
    (r"node\(s\) were unschedulable", "cordoned"),
    (r"node\(s\) didn't match Pod's node affinity/selector", "another node selector or affinity"),
    (r"node\(s\) didn't match the requested node name", "another node name"),
    (r"node\(s\) didn't (?:match|satisfy existing) pods? anti-affinity rules", "pods that it must not run beside"),
    (r"node\(s\) didn't match pod affinity rules", "none of the pods that it must run beside"),
    (r"node\(s\) didn't match pod topology spread constraints", "too many pods of this model there already"),
    (r"node\(s\) didn't have free ports.*", "its host port is taken"),
    (
        r"node\(s\) (?:had volume node affinity conflict|didn't match PersistentVolume's node affinity)",
        "its volume is on another node",
    ),
    (r"node\(s\) didn't find available persistent volumes to bind", "no volume for its claim"),
    (r"node\(s\) had no available volume zone", "its volume is in another zone"),
    (r"node\(s\) exceed max volume count", "no more volumes can be attached"),
    (r"node\(s\) did not have enough free storage", "too little storage for its claim"),
)


@dataclass(frozen=True)
class Obstacles:
    """Why no node takes the pod."""

    nodes: int
    found: tuple[tuple[int, str], ...]
    """(number of nodes, what is in the way there), by the latter; a node may have several."""
    lacking: tuple[str, ...]
    """Resources of which nodes have too little free."""

    def __str__(self) -> str:
        text = "; ".join(f"{count}: {words}" for count, words in self.found)
        return f"0 of {self.nodes} nodes could take it ({text})" if text else f"0 of {self.nodes} nodes could take it"


def obstacles_of(message: str) -> Obstacles | None:
    """The obstacles in a message of the scheduler; None where it counts none."""
    available = _AVAILABLE.match(without_preemption(message))
    if available is None:
        return None
    parts = _COUNTED.split(available[2])
    if parts[0]:
        return None  # it did not get as far as single nodes
    counted = [(int(count), reason.strip(" .")) for count, reason in zip(parts[1::2], parts[2::2], strict=True)]
    lacking = (found[1] for _, reason in counted if (found := re.fullmatch(r"Insufficient (\S+)", reason)))
    told = sorted(((count, _words(reason)) for count, reason in counted), key=lambda one: one[1])
    return Obstacles(int(available[1]), tuple(told), tuple(sorted(lacking)))


def without_preemption(message: str) -> str:
    """Without what the scheduler says of pods that it might evict: that changes all the time."""
    return _AFTERWARDS.split(message)[0].rstrip(". ")


def _words(reason: str) -> str:
    for pattern, words in _WORDS:
        if found := re.fullmatch(pattern, reason):
            return found.expand(words)
    return reason.removeprefix("node(s) ")
