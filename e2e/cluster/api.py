"""Asks the API server how it is, over the verified connection that everyone uses."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.cluster.commands import run
from e2e.cluster.interface import ClusterError


def api_ready(server: str, authority: Path, timeout: float = 2.0) -> bool:
    """Whether /readyz says ok: every post-start hook (RBAC's default roles) has run."""
    context = ssl.create_default_context(cafile=str(authority))
    # No proxies: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{server}/readyz", timeout=timeout) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until(what: str, check: Callable[[], bool], timeout: float, watch: Callable[[], None] = lambda: None) -> None:
    """Ask `check` until it is true; `watch` may raise to end the wait early. ClusterError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not check():
        watch()
        if time.monotonic() > end:
            raise ClusterError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(0.1)


class Kubectl:
    """kubectl with one kubeconfig, whatever KUBECONFIG says."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self.command = [str(program), f"--kubeconfig={kubeconfig}"]

    def __call__(self, *words: str, stdin: str | None = None, timeout: float = 60.0) -> str:
        return run([*self.command, *words], stdin=stdin, timeout=timeout)

    def apply(self, objects: list[dict[str, Any]]) -> None:
        listing = {"apiVersion": "v1", "kind": "List", "items": objects}
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listing), timeout=300)

    def nodes(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self("get", "nodes", "-o", "json"))["items"]
        return items


def node_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
