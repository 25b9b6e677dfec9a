"""One cluster with the operator, the hub and a client for the whole run; one namespace per test."""

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings

from e2e.audit import Audit
from e2e.cluster import choose
from e2e.command import Command, wait_until
from e2e.install.client import Client, make_namespace, start_client
from e2e.install.hub import install_hub
from e2e.install.operator import install_operator
from e2e.install.stage import ROOT, Stage, stage

settings.register_profile("modelberth", deadline=None)
settings.load_profile("modelberth")


@dataclass(frozen=True)
class Space:
    """A namespace of the cluster."""

    name: str
    platform: Stage

    def kubectl(self, *args: str, stdin: str | None = None, timeout: float = 180) -> str:
        return self.platform.kubectl("-n", self.name, *args, stdin=stdin, timeout=timeout)

    def json(self, *args: str) -> Any:
        return self.platform.kubectl.json("-n", self.name, *args)

    def apply_example(self, name: str) -> None:
        self.kubectl("apply", "-f", str(ROOT / "examples" / f"{name}.yaml"))

    def wait_ready(self, name: str, timeout_s: int) -> dict[str, Any]:
        """The status of the ModelDeployment once Ready is True."""
        target = f"modeldeployment/{name}"
        self.kubectl("wait", target, "--for=condition=Ready", f"--timeout={timeout_s}s", timeout=timeout_s + 10)
        status: dict[str, Any] = self.json("get", target)["status"]
        return status

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """A condition of the ModelDeployment; empty where it has none."""
        status = self.json("get", f"modeldeployment/{name}").get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == kind), {})

    def wait_reason(self, name: str, reason: str, timeout_s: float) -> dict[str, Any]:
        """The Ready condition once it carries the reason."""

        def look() -> dict[str, Any] | None:
            ready = self.condition(name, "Ready")
            return ready if ready.get("reason") == reason else None

        return wait_until(f"{name}: Ready has reason {reason}", look, timeout_s)


@pytest.fixture(scope="session")
def platform() -> Iterator[Stage]:
    """The cluster with the operator. One that this run brought up goes with it; one that was there stays."""
    cluster = choose()
    was_up = cluster.status().ready
    made = stage(cluster)
    # The programs and the cluster for tests that start processes of their own.
    os.environ |= {"KUBECTL": made.kubectl.path, "HELM": made.helm.path, **made.kubectl.env}
    os.environ["OPERATOR_IMAGE"] = made.image("operator")
    install_hub(made)
    install_operator(made)
    yield made
    if not was_up:
        cluster.down()


@pytest.fixture(scope="session")
def client(platform: Stage) -> Client:
    return start_client(platform)


@pytest.fixture
def space(platform: Stage, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace of the test's own, gone afterwards with all that is in it."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")
    name = f"e2e-{slug[:40].rstrip('-')}-{secrets.token_hex(3)}"
    make_namespace(platform, name)
    yield Space(name, platform)
    platform.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def audit(platform: Stage) -> Audit:
    """What the API server was asked to do; only the local way of a cluster lets one read it."""
    path = platform.cluster.audit_log()
    if path is None:
        pytest.skip(f"a cluster of the way {platform.cluster.way} gives no access to its audit log")
    return Audit(path)


@pytest.fixture(scope="session")
def kubectl(platform: Stage) -> Command:
    return platform.kubectl


@pytest.fixture(scope="session")
def helm(platform: Stage) -> Command:
    return platform.helm
