"""A soak on a cluster of our own: what it needs is set up before and gone afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from e2e.audit import Audit
from e2e.cluster.faults import Faults
from e2e.cluster.kwok import Kwok
from e2e.cluster.paths import paths
from e2e.install.client import make_namespace
from e2e.install.stage import Stage
from e2e.soak.fleet import NAMESPACE, PRODUCT
from e2e.soak.ground import Ground
from e2e.soak.logs import Logs
from e2e.soak.soak import Soak

NODES = 4
"""Simulated, of 8 GPUs each."""
LEASE_SECONDS = 40
"""A quarter of it, as real nodes do: the longest absence of the API server then costs no node."""


def unsuitable(platform: Stage) -> str | None:
    """Why this cluster cannot be broken; None where it can."""
    if platform.cluster.way == "local":
        return None
    return f"the control plane of a cluster of the way {platform.cluster.way} cannot be stopped and started from here"


@contextmanager
def soak(platform: Stage, seed: int, say: Callable[[str], None]) -> Iterator[Soak]:
    """A soak to run. Its namespace and nodes go with the block, unless it fails: then they are there to look at."""
    where, audit_log = paths(), platform.cluster.audit_log()
    assert audit_log is not None, "a local cluster has an audit log"
    platform.image("llama-cpp")
    kwok = Kwok(platform.cluster, where)
    kwok.stop()  # one that an earlier run left may have been started otherwise
    kwok.start(nodes=NODES, product=PRODUCT, lease_seconds=LEASE_SECONDS)
    make_namespace(platform, NAMESPACE)
    ground = Ground(platform, Faults(where), Random(seed))
    yield Soak(ground, Audit(audit_log), Logs(where.node / "pod-logs"), say)
    platform.kubectl("delete", "namespace", NAMESPACE, "--timeout=180s", timeout=200)
    kwok.stop()
