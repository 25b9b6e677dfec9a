"""What the chart's tests need: helm for the templates; a cluster, kubectl and an operator image for the rest.

HELM and KUBECTL name the programs (default: those on the PATH), KUBECONFIG the cluster, OPERATOR_IMAGE an image that
its nodes hold.
"""

import os
import shutil
from pathlib import Path

import pytest

from e2e.chart.command import Command

CHART = Path(__file__).parents[2] / "charts" / "modelberth"


def _program(variable: str, name: str) -> str:
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        pytest.fail(f"{name} is not on the PATH; set {variable} to where it is")
    return path


@pytest.fixture(scope="session")
def chart() -> str:
    return str(CHART)


@pytest.fixture(scope="session")
def cluster() -> dict[str, str]:
    """Environment that leads to the cluster."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: no cluster to install the chart on")
    return {"KUBECONFIG": os.environ["KUBECONFIG"]}


@pytest.fixture(scope="session")
def helm_offline() -> Command:
    """helm for what needs no cluster: an empty KUBECONFIG keeps it away from any."""
    return Command(_program("HELM", "helm"), {"KUBECONFIG": os.devnull})


@pytest.fixture(scope="session")
def helm(cluster: dict[str, str]) -> Command:
    return Command(_program("HELM", "helm"), cluster)


@pytest.fixture(scope="session")
def kubectl(cluster: dict[str, str]) -> Command:
    return Command(_program("KUBECTL", "kubectl"), cluster)


@pytest.fixture(scope="session")
def operator_image() -> str:
    """repository:tag of an operator image that the cluster's nodes hold."""
    if not os.environ.get("OPERATOR_IMAGE"):
        pytest.skip("OPERATOR_IMAGE is not set: no operator to start")
    return os.environ["OPERATOR_IMAGE"]
