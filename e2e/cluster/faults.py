"""Breaks the control plane of a local cluster for a while, as crashes, full disks and networks do."""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from e2e.cluster import network
from e2e.cluster.binaries import Binaries
from e2e.cluster.commands import run
from e2e.cluster.controlplane import ETCD
from e2e.cluster.daemons import Daemons
from e2e.cluster.interface import ClusterError
from e2e.cluster.network import Link, in_network
from e2e.cluster.paths import Paths
from e2e.cluster.startup import Startup

API_SERVER = "kube-apiserver"

# etcd speaks JSON too: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
COMPACT = """
import json, sys, urllib.request
def call(path, body):
    request = urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(request, timeout=30))
revision = call("/v3/maintenance/status", {})["header"]["revision"]
call("/v3/kv/compaction", {"revision": revision, "physical": True})
"""


class Faults:
    """Of the cluster with these paths, which is up."""

    def __init__(self, where: Paths) -> None:
        subnets = network.recall(where.state)
        if subnets is None:
            raise ClusterError("the local cluster is not up.\nWay out: python -m e2e.cluster up")
        self._link = Link(where.name)
        self._subnets = subnets
        self._daemons = Daemons(where.pids, where.logs)
        self._startup = Startup(where, Binaries(where), self._daemons)

    def restart_api_server(self, down_s: float = 0.0) -> None:
        """End it, start it again ``down_s`` seconds later and return when it is ready.

        Its watch cache then begins at the newest version: a watch that goes on from an older one gets 410 Gone.
        """
        self._daemons.stop([API_SERVER], timeout=0.5)
        time.sleep(down_s)
        self._startup.start_api_server(self._subnets)

    @contextmanager
    def paused(self, daemon: str) -> Iterator[None]:
        """The daemon keeps its connections and answers none of them (SIGSTOP) until the block ends."""
        pid = self._daemons.running(daemon)
        if pid is None:
            raise ClusterError(f"{daemon} does not run")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def cut_off(self, addresses: Iterable[str]) -> Iterator[None]:
        """Connections of the pods with these addresses to the API server break, and new ones are refused."""
        rules = [
            ["INPUT", "-s", address, "-p", "tcp", "--dport", "6443", "-j", "REJECT", "--reject-with", "tcp-reset"]
            for address in addresses
        ]
        done: list[list[str]] = []
        try:
            for rule in rules:
                self._iptables("-I", rule)
                done.append(rule)
            yield
        finally:
            for rule in done:
                self._iptables("-D", rule)

    def compact_etcd(self) -> None:
        """Forget every version but the newest, as etcd does every few minutes in a cluster that lives long."""
        run(in_network(self._link, [sys.executable, "-c", COMPACT, ETCD]), timeout=60)

    def _iptables(self, verb: str, rule: list[str]) -> None:
        # Waits for kube-proxy, which holds the lock of the tables now and then.
        run(in_network(self._link, ["iptables", "--wait", "10", verb, *rule]), timeout=30)
