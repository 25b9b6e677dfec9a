"""What happens to the operator and to what it stands on."""

import json
import time

from e2e.command import wait_until
from e2e.install.processes import kill, leader
from e2e.install.stage import SYSTEM
from e2e.soak import people
from e2e.soak.fleet import NAMESPACE
from e2e.soak.ground import DEPLOYMENT, NEVER_HANG, Ground
from e2e.soak.people import Effect

NOBODY: frozenset[str] = frozenset()
RESOURCES = f"/apis/modelberth.dev/v1alpha1/namespaces/{NAMESPACE}/modeldeployments"


def kill_leader(ground: Ground) -> Effect:
    first = leader(ground.platform)
    _kill(ground, [first])
    return f"killed {first}", NOBODY


def kill_all(ground: Ground) -> Effect:
    names = [pod["metadata"]["name"] for pod in ground.operators()]
    _kill(ground, names)
    return f"killed {', '.join(names)}", NOBODY


def leader_dies_amid_changes(ground: Ground) -> Effect:
    text, hit = people.change_specs(ground)
    edits, edited = people.edit_children(ground)
    _kill(ground, [leader(ground.platform)])
    return f"{text}; {edits}; killed the leader", hit | edited


def operator_away(ground: Ground) -> Effect:
    """Everything that people do, while nobody looks."""
    wanted = len(ground.operators())
    ground.scale_operator(0)
    done = [people.create_and_delete(ground), people.change_specs(ground), people.edit_children(ground)]
    done.append(people.delete_children(ground))
    time.sleep(ground.random.uniform(2, 10))
    ground.scale_operator(wanted)
    return _joined("no operator", done)


def restart_api_server(ground: Ground) -> Effect:
    down_s = ground.random.choice([0.0, 5.0, 15.0])
    ground.faults.restart_api_server(down_s)
    return f"down for {down_s:.0f} s and its start", NOBODY


def pause_etcd(ground: Ground) -> Effect:
    pause_s = ground.random.choice([5.0, 12.0, 20.0])
    with ground.faults.paused("etcd"):
        time.sleep(pause_s)
    return f"paused for {pause_s:.0f} s", NOBODY


def expire_watches(ground: Ground) -> Effect:
    """While the operators are cut off people change things and history is forgotten: their watches get 410 Gone.

    It takes less time than the leader needs to give up its lease, else there would be a new one without watches.
    """
    addresses = [pod["status"]["podIP"] for pod in ground.operators()]
    old = json.loads(ground.kubectl("get", "--raw", f"{RESOURCES}?limit=1"))["metadata"]["resourceVersion"]
    with ground.faults.cut_off(addresses):
        done = [people.create_and_delete(ground), people.change_specs(ground), people.delete_children(ground)]
        ground.faults.compact_etcd()
        ground.faults.restart_api_server()
    answer = wait_until("an old watch is told something", lambda: _watch(ground, old), 20)
    assert '"code":410' in answer, f"a watch from version {old} goes on: {answer[:200]}"
    return _joined("410 Gone", done)


def _joined(what: str, done: list[Effect]) -> Effect:
    return "; ".join([what, *(text for text, _ in done)]), frozenset().union(*(hit for _, hit in done))


def _watch(ground: Ground, version: str) -> str:
    return ground.kubectl("get", "--raw", f"{RESOURCES}?watch=1&timeoutSeconds=3&resourceVersion={version}")


def _kill(ground: Ground, names: list[str]) -> None:
    """SIGKILL, and the pod goes with it as when its node dies: kubelet would back off longer from kill to kill."""
    for name in names:
        kill(ground.platform, name)
    forced = ("--grace-period=0", "--force", "--ignore-not-found")
    ground.platform.kubectl("-n", SYSTEM, NEVER_HANG, "delete", "pod", *names, *forced)


def whole(ground: Ground) -> None:
    """Waits until every operator is ready again: what is measured next begins with all of them."""
    ground.platform.kubectl("-n", SYSTEM, "rollout", "status", DEPLOYMENT, "--timeout=120s")
