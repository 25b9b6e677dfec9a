"""KEDA and metrics-server for as long as these tests run."""

from collections.abc import Iterator

import pytest

from e2e.audit import Audit
from e2e.external.keda import keda
from e2e.external.metrics_server import metrics_server
from e2e.install.stage import Stage


@pytest.fixture(scope="package")
def scalers(platform: Stage) -> Iterator[None]:
    """Both: a change of one model while the other test runs is none of theirs."""
    if platform.cluster.way == "current":
        pytest.skip("images cannot be put into somebody's cluster")
    with metrics_server(platform), keda(platform):
        yield


@pytest.fixture
def audit(platform: Stage) -> Audit:
    path = platform.cluster.audit_log()
    if path is None:
        pytest.skip(f"a cluster of the way {platform.cluster.way} gives no access to its audit log")
    return Audit(path, user="")
