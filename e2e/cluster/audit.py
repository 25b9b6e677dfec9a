"""What the API server writes down: who did what to which object, one JSON line a request, when it is complete.

Tests count an operator's calls with it. Service accounts and the admin are recorded whole; what the cluster's own
components read, and the leases by which they say that they live, would bury that and is left out.
"""

from typing import Any

FILE = "audit.jsonl"

COMPONENTS = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "system:coredns",
]
CONTROLLERS = "system:serviceaccounts:kube-system"
"""Each controller of the controller-manager acts as a service account of its own there."""

SIZE_MIB = 500
BACKUPS = 1
"""One older file is kept, so the log takes 1 GiB at most."""


def policy() -> dict[str, Any]:
    """The first rule that matches a request decides."""
    reads = ["get", "list", "watch"]
    leases = [{"group": "coordination.k8s.io", "resources": ["leases"]}]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        # A request is one line, not one per stage. A watch is written when it ends.
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
            # kwok plays the kubelets of simulated nodes.
            {"level": "None", "users": ["system:kwok"]},
            {"level": "None", "users": COMPONENTS, "verbs": reads},
            {"level": "None", "userGroups": ["system:nodes", CONTROLLERS], "verbs": reads},
            {"level": "None", "users": COMPONENTS, "resources": leases},
            {"level": "None", "userGroups": ["system:nodes", CONTROLLERS], "resources": leases},
            {"level": "Metadata"},
        ],
    }
