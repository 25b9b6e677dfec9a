"""The node's network: a namespace joined to this machine by one veth pair, and nothing else.

There is no default route: whatever a pod sends to an address outside the cluster fails at once with "network
unreachable". A test that passes here needs no internet, and a test gone wrong reaches nobody.
"""

import ipaddress
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.commands import run, succeeds
from e2e.cluster.interface import ClusterError

Network = ipaddress.IPv4Network


@dataclass(frozen=True)
class Link:
    """What joins the node of cluster `name` to this machine."""

    name: str

    @property
    def namespace(self) -> Path:
        """The file that stands for the network namespace, which is called as the cluster is."""
        return Path("/run/netns") / self.name

    @property
    def host_end(self) -> str:
        return f"{self.name}0"

    @property
    def node_end(self) -> str:
        return f"{self.name}1"


@dataclass(frozen=True)
class Subnets:
    """Addresses of one cluster, all below 10.`octet` and 10.`octet`+1."""

    octet: int

    @property
    def link(self) -> Network:
        return Network(f"10.{self.octet}.0.0/30")

    @property
    def host(self) -> str:
        return str(self.link[1])

    @property
    def node(self) -> str:
        return str(self.link[2])

    @property
    def pods(self) -> Network:
        return Network(f"10.{self.octet}.1.0/24")

    @property
    def services(self) -> Network:
        """/16: a /24 is full after 250 Services, and a range once in etcd wins over a changed flag."""
        return Network(f"10.{self.octet + 1}.0.0/16")

    @property
    def api_service(self) -> str:
        """The `kubernetes` Service always takes the first address of the range."""
        return str(self.services[1])

    @property
    def server(self) -> str:
        return f"https://{self.node}:6443"

    @property
    def all(self) -> tuple[Network, ...]:
        return (self.link, self.pods, self.services)


CANDIDATES = tuple(Subnets(octet) for octet in range(231, 253, 2))
"""Far from what clouds, home routers, Docker (172.17/16, 10.88/16 for Podman) and VPNs usually take."""


def destinations(routes: Iterable[dict[str, object]]) -> dict[Network, str]:
    """Network -> device of what `ip -json route` printed; the default route is no claim on a network."""
    found = {}
    for route in routes:
        destination = str(route.get("dst", "default"))
        if destination not in ("default", "0.0.0.0/0"):
            found[Network(destination, strict=False)] = str(route.get("dev", route.get("type", "?")))
    return found


def clash(subnets: Subnets, taken: dict[Network, str]) -> str | None:
    """Says which of the machine's networks overlaps; None if none does."""
    for ours in subnets.all:
        for theirs, device in taken.items():
            if ours.overlaps(theirs):
                return f"{ours} overlaps {theirs} on {device}"
    return None


def choose(taken: dict[Network, str], kept: Container[Subnets] = ()) -> Subnets:
    """The first candidate that is free; `kept` belongs to clusters that may be down now."""
    for candidate in CANDIDATES:
        if clash(candidate, taken) is None and candidate not in kept:
            return candidate
    raise ClusterError("every network this cluster could use is routed elsewhere on this machine: see `ip route`")


def remember(state: Path) -> Subnets:
    """The subnets of this cluster: chosen at the first start, then kept, because etcd and certificates hold them."""
    file = state / "network.json"
    # `table all` shows every address of the machine too: the local table has a /32 for each.
    taken = destinations(json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"])))
    if not file.exists():
        chosen = choose(taken, [found for other in state.parent.glob("*") if (found := recall(other))])
        file.write_text(json.dumps({"octet": chosen.octet}))
        return chosen
    kept = Subnets(json.loads(file.read_text())["octet"])
    problem = clash(kept, taken)
    if problem:
        raise ClusterError(f"this cluster's network {problem}.\nWay out: `down`, then `up` picks another")
    return kept


def recall(state: Path) -> Subnets | None:
    """The subnets of a cluster that was started before."""
    file = state / "network.json"
    return Subnets(json.loads(file.read_text())["octet"]) if file.exists() else None


def create(link: Link, subnets: Subnets) -> None:
    """Make the namespace and the link. Call `remove` before: half of either may be left from a crash."""
    prefix = subnets.link.prefixlen
    inside = ["ip", "-netns", link.name]
    run(["ip", "netns", "add", link.name])
    run(["ip", "link", "add", link.host_end, "type", "veth", "peer", "name", link.node_end, "netns", link.name])
    run(["ip", "address", "add", f"{subnets.host}/{prefix}", "dev", link.host_end])
    run(["ip", "link", "set", link.host_end, "up"])
    run([*inside, "address", "add", f"{subnets.node}/{prefix}", "dev", link.node_end])
    run([*inside, "link", "set", link.node_end, "up"])
    run([*inside, "link", "set", "lo", "up"])
    # A process of the node (the API server calling a webhook) needs some route to a Service's address before iptables
    # rewrites the destination.
    run([*inside, "route", "add", str(subnets.services), "dev", link.node_end, "src", subnets.node])
    # Under /proc/sys/net one sees the namespace that one is in.
    run(["ip", "netns", "exec", link.name, "sysctl", "-qw", "net.ipv4.ip_forward=1"])


def remove(link: Link) -> None:
    """Remove both ends; whatever is not there is no error."""
    if succeeds(["ip", "link", "show", link.host_end]):
        run(["ip", "link", "delete", link.host_end])
    if link.namespace.exists():
        run(["ip", "netns", "delete", link.name])


def in_network(link: Link, argv: Sequence[str]) -> list[str]:
    """`argv`, run in the node's network namespace."""
    return ["nsenter", f"--net={link.namespace}", *argv]
