"""What the chart's tests need beside the cluster of e2e/conftest.py."""

import json
import os
from pathlib import Path

import pytest
import yaml

from e2e.chart.rendering import KUBERNETES, Manifest, Render
from e2e.cluster import choose
from e2e.command import Command
from e2e.install.stage import Stage


@pytest.fixture(scope="session")
def chart() -> str:
    return str(Path(__file__).parents[2] / "charts" / "modelberth")


@pytest.fixture(scope="session")
def helm_offline() -> Command:
    """helm for what needs no cluster: an empty KUBECONFIG keeps it away from any."""
    return Command(os.environ.get("HELM") or str(choose().tool("helm")), {"KUBECONFIG": os.devnull})


@pytest.fixture(scope="session")
def render(helm_offline: Command, chart: str) -> Render:
    """Objects of a release in namespace ``mb``. ``hub__endpoint=...`` stands for the value hub.endpoint."""

    def run(release: str = "modelberth", **values: object) -> list[Manifest]:
        sets = [f"--set-json={name.replace('__', '.')}={json.dumps(value)}" for name, value in values.items()]
        text = helm_offline("template", release, chart, "--namespace=mb", f"--kube-version={KUBERNETES}", *sets)
        return [manifest for manifest in yaml.safe_load_all(text) if manifest]

    return run


@pytest.fixture(scope="session")
def operator_image(platform: Stage) -> str:
    """repository:tag of an operator image that the cluster has."""
    return platform.image("operator")
