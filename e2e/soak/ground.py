"""What disturbances work on: the cluster, what it was told, and the dice."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from e2e.cluster.faults import Faults
from e2e.command import wait_until
from e2e.install.processes import leader
from e2e.install.stage import SYSTEM, Stage
from e2e.soak.fleet import NAMESPACE, Raw, Wanted
from e2e.soak.invariants import KINDS, Seen

OPERATOR = "app.kubernetes.io/name=modelberth"
DEPLOYMENT = "deployment/modelberth"
NEVER_HANG = "--request-timeout=10s"


@dataclass
class Ground:
    """``random`` decides what is hit, so the same seed hits the same."""

    platform: Stage
    faults: Faults
    random: Random
    wanted: Wanted = field(default_factory=Wanted)
    made: int = 0
    """Resources that were created so far under a new name."""

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return self.platform.kubectl("-n", NAMESPACE, NEVER_HANG, *args, stdin=stdin)

    def patch(self, kind: str, name: str, change: Raw | list[Raw]) -> None:
        """A merge patch, or a JSON patch where it is a list."""
        how = "json" if isinstance(change, list) else "merge"
        self.kubectl("patch", kind, name, f"--type={how}", "-p", json.dumps(change))

    def apply(self, resources: Iterable[Raw]) -> None:
        """Creates or changes ModelDeployments; from now on this is what they should be."""
        items = list(resources)
        for resource in items:
            self.wanted.specs[resource["metadata"]["name"]] = resource["spec"]
        listing = {"apiVersion": "v1", "kind": "List", "items": items}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listing))

    def delete(self, names: list[str]) -> None:
        """Deletes ModelDeployments and does not wait for their children."""
        for name in names:
            del self.wanted.specs[name]
        self.kubectl("delete", "mdep", *names, "--wait=false")

    def seen(self) -> Seen:
        kinds = ",".join(KINDS).lower()
        return Seen.of(json.loads(self.kubectl("get", kinds, "-o", "json"))["items"])

    def operators(self) -> list[Raw]:
        """The operator's pods, those on their way out not."""
        arguments = ("-n", SYSTEM, NEVER_HANG, "get", "pods", "-l", OPERATOR)
        items: list[dict[str, Any]] = self.platform.kubectl.json(*arguments)["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def term(self) -> tuple[str, list[str]]:
        """Who leads and in which container; another value is another leader, or the same pod after a restart."""
        first = leader(self.platform)
        pods = [pod for pod in self.operators() if pod["metadata"]["name"] == first]
        return first, [one.get("containerID", "") for pod in pods for one in pod["status"]["containerStatuses"]]

    def scale_operator(self, replicas: int) -> None:
        """Returns when there are as many pods of it."""
        self.platform.kubectl("-n", SYSTEM, "scale", DEPLOYMENT, f"--replicas={replicas}")
        wait_until(f"{replicas} operators are there", lambda: len(self.operators()) == replicas, 60)
