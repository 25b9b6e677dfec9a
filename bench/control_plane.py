"""What the control plane costs: bursts of ModelDeployments on a real API server with simulated nodes (kwok).

    make bench            # or: python bench/control_plane.py --bursts 40 500

For every burst: the time from the creation of a resource to its child Deployment, writes and CPU of the operator per
resource until all are Ready, the operator's memory, and what it writes in 60 s of rest. Times and writes come from
the API server's audit log, CPU and memory from the operator's own /metrics. These machines are noisy: read the
figures of one run against one another, not against another day's.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from e2e.audit import Audit, counted
from e2e.cluster import Cluster, choose
from e2e.cluster.kwok import Kwok
from e2e.cluster.paths import paths
from e2e.command import wait_until
from e2e.install.client import make_namespace
from e2e.install.hub import install_hub
from e2e.install.operator import install_operator
from e2e.install.stage import SYSTEM, Stage, stage

REST_S = 60
PARALLEL = 16
"""Creations at once: more than one person, fewer than a denial of service."""
GPUS_PER_NODE = 8
PRODUCT = "NVIDIA-H100-80GB-HBM3"
MODEL = "hf://modelberth/SmolLM2-135M-Instruct-AWQ"


@dataclass(frozen=True)
class Usage:
    """CPU seconds so far and resident MiB of the leading operator."""

    cpu_s: float
    rss_mib: float


@dataclass(frozen=True)
class Result:
    """One burst."""

    resources: int
    p50_s: float
    p99_s: float
    ready_s: float
    writes: float
    events: float
    cpu_ms: float
    rss_mib: float
    rest_writes: int
    rest_lease_per_s: float


def resource(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": {"uri": MODEL},
            "engine": {"type": "vLLM"},
            "quantization": "awq",
            "maxModelLen": 4096,
            "gpu": {"type": PRODUCT},
            # Without this the real node, which has no such GPU, would not be asked anyway; it keeps the intent plain.
            "podTemplate": {"spec": {"nodeSelector": {"type": "kwok"}}},
        },
    }


def leader(bench: Stage) -> str:
    """Pod that holds the lease."""

    def holder() -> str:
        lease = bench.kubectl.json("-n", SYSTEM, "get", "lease", "modelberth")
        return str(lease["spec"].get("holderIdentity", "")).rsplit("-", 1)[0]

    return wait_until("an operator leads", holder, 30)


def usage(bench: Stage) -> Usage:
    path = f"/api/v1/namespaces/{SYSTEM}/pods/{leader(bench)}:8080/proxy/metrics"
    values = {}
    for line in bench.kubectl("get", "--raw", path).splitlines():
        name, _, value = line.partition(" ")
        if name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
            values[name] = float(value)
    return Usage(values["process_cpu_seconds_total"], values["process_resident_memory_bytes"] / 2**20)


async def create_all(cluster: Cluster, resources: list[dict[str, Any]]) -> None:
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig())
    # Not before: the client reads the variable when it is imported.
    from modelberth.ports.kube import KubeApi

    slots = asyncio.Semaphore(PARALLEL)

    async def create(api: KubeApi, one: dict[str, Any]) -> None:
        async with slots:
            await api.create(one)

    async with KubeApi() as api:
        await asyncio.gather(*(create(api, one) for one in resources))


def burst(bench: Stage, audit_path: Path, number: int) -> Result:
    namespace = f"bench-{number}"
    make_namespace(bench, namespace)
    before, audit, everyone = usage(bench), Audit(audit_path), Audit(audit_path, user="")
    started = time.monotonic()
    asyncio.run(create_all(bench.cluster, [resource(f"model-{i}", namespace) for i in range(number)]))
    wait_until(f"{number} resources are Ready", lambda: ready(bench, namespace) == number, 600, every_s=2)
    ready_s = time.monotonic() - started
    time.sleep(10)  # the last status writes
    after = usage(bench)
    entries = audit.entries()
    delays = sorted(create_to_child(everyone.entries(), namespace))
    assert len(delays) == number, f"{len(delays)} of {number} child Deployments are in the audit log"
    time.sleep(REST_S)
    resting = audit.entries()
    leases = sum(1 for entry in resting if _is_write(entry, "leases"))
    return Result(
        resources=number,
        p50_s=delays[len(delays) // 2],
        p99_s=delays[min(len(delays) - 1, int(len(delays) * 0.99))],
        ready_s=ready_s,
        writes=sum(counted(entries, namespace).values()) / number,
        events=sum(1 for entry in entries if _is_write(entry, "events")) / number,
        cpu_ms=(after.cpu_s - before.cpu_s) * 1000 / number,
        rss_mib=after.rss_mib,
        rest_writes=sum(counted(resting).values()),
        rest_lease_per_s=leases / REST_S,
    )


def _is_write(entry: dict[str, Any], name: str) -> bool:
    return (entry.get("objectRef") or {}).get("resource") == name and entry["verb"] in ("create", "update", "patch")


def ready(bench: Stage, namespace: str) -> int:
    path = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
    return bench.kubectl("-n", namespace, "get", "mdep", "-o", f"jsonpath={path}").split().count("True")


def create_to_child(entries: list[dict[str, Any]], namespace: str) -> list[float]:
    """Seconds from the receipt of each creation to the answer to the first apply of its Deployment."""
    created: dict[str, datetime] = {}
    applied: dict[str, datetime] = {}
    for entry in entries:
        target = entry.get("objectRef") or {}
        if target.get("namespace") != namespace or target.get("subresource"):
            continue
        if target["resource"] == "modeldeployments" and entry["verb"] == "create":
            # The name stands in the body, which a metadata-level log leaves out, so the answer's order decides.
            name = target.get("name") or entry.get("requestURI", "").rsplit("/", 1)[-1]
            created[name] = _time(entry["requestReceivedTimestamp"])
        elif target["resource"] == "deployments" and entry["verb"] == "patch":
            applied.setdefault(target["name"], _time(entry["stageTimestamp"]))
    return [(applied[name] - created[name]).total_seconds() for name in applied if name in created]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


GOALS = {
    40: "p99 < 5 s, writes <= 4, CPU <= 20 ms, 0 writes at rest",
    500: "p99 < 15 s, writes <= 4, CPU <= 20 ms, RSS < 120 MiB, 0 writes at rest",
}


COLUMNS = (
    ("burst", "resources", ".0f"),
    ("p50 s", "p50_s", ".2f"),
    ("p99 s", "p99_s", ".2f"),
    ("ready s", "ready_s", ".1f"),
    ("writes", "writes", ".2f"),
    ("events", "events", ".2f"),
    ("CPU ms", "cpu_ms", ".1f"),
    ("RSS MiB", "rss_mib", ".0f"),
    ("writes at rest", "rest_writes", ".0f"),
    ("lease/s", "rest_lease_per_s", ".2f"),
)
"""Heading, field of Result, format. Writes, events and CPU are per resource."""


def show(results: list[Result]) -> None:
    print(" ".join(f"{heading:>{len(heading) + 2}}" for heading, _, _ in COLUMNS))
    for result in results:
        print(" ".join(f"{getattr(result, name):>{len(heading) + 2}{form}}" for heading, name, form in COLUMNS))
        if goal := GOALS.get(result.resources):
            print(f"    goal: {goal}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bursts", type=int, nargs="+", default=[40, 500], metavar="N", help="resources per burst")
    parser.add_argument("--json", metavar="FILE", help="also write the results here")
    args = parser.parse_args()
    bench = stage(choose())
    audit_path = bench.cluster.audit_log()
    if audit_path is None:
        print("This cluster gives no access to its audit log; use CLUSTER=local.", file=sys.stderr)
        return 1
    install_hub(bench)
    install_operator(bench)
    kwok = Kwok(bench.cluster, paths())
    results = []
    try:
        kwok.start(nodes=max(args.bursts) // GPUS_PER_NODE + 2, gpus_per_node=GPUS_PER_NODE, product=PRODUCT)
        for number in args.bursts:
            results.append(burst(bench, audit_path, number))
            bench.kubectl("delete", "namespace", f"bench-{number}", "--timeout=600s", timeout=610)
    finally:
        kwok.stop()
    show(results)
    if args.json:
        Path(args.json).write_text(json.dumps([vars(result) for result in results], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
