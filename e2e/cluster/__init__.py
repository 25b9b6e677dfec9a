"""A real Kubernetes cluster for the tests, the demo and a contributor's own hands: `python -m e2e.cluster --help`.

Three ways, one interface (`interface.Cluster`): `local` runs the real daemons of one node in a network namespace of
their own, `kind` asks kind, `current` uses what KUBECONFIG names. From Python:

    from e2e.cluster import choose
    cluster = choose()          # $CLUSTER, or kind where a container engine answers, or local
    cluster.up()
    cluster.load(["operator.tar"])
    kubectl = cluster.tool("kubectl")
"""

from e2e.cluster.choose import choose
from e2e.cluster.interface import Cluster, ClusterError, Status

__all__ = ["Cluster", "ClusterError", "Status", "choose"]
