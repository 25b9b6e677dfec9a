"""Which way the cluster comes up."""

import os
from collections.abc import Callable, Mapping

from e2e.cluster import kind
from e2e.cluster.current import CurrentCluster
from e2e.cluster.interface import Cluster, ClusterError
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster

WAYS: dict[str, Callable[[], Cluster]] = {"current": CurrentCluster, "kind": KindCluster, "local": LocalCluster}


def choose(
    way: str | None = None,
    environ: Mapping[str, str] = os.environ,
    kind_usable: Callable[[], bool] = kind.usable,
) -> Cluster:
    """`way`, else $CLUSTER, else kind where it can run, else local. KUBECONFIG alone never decides: the cluster that it
    names may be somebody's production."""
    asked = way or environ.get("CLUSTER")
    if not asked:
        asked = "kind" if kind_usable() else "local"
    if asked not in WAYS:
        raise ClusterError(f"no such way to a cluster: {asked}.\nWay out: CLUSTER={'|'.join(WAYS)}")
    return WAYS[asked]()
