"""An API server that has the CRD is all that these tests need: the cluster of the run, or the one whose kubeconfig
``MODELBERTH_API_SERVER`` names on purpose (with its controller manager: service accounts come from there).
"""

import os

import pytest

from e2e.command import Command
from e2e.install.stage import ROOT
from modelberth.api.meta import GROUP, PLURAL


@pytest.fixture(scope="module")
def kubectl(request: pytest.FixtureRequest) -> Command:
    given = os.environ.get("MODELBERTH_API_SERVER")
    if not given:
        platform: Command = request.getfixturevalue("platform").kubectl
        return platform
    named = Command(os.environ.get("KUBECTL", "kubectl"), {"KUBECONFIG": given})
    named("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds" / f"{PLURAL}.{GROUP}.yaml"))
    named("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=30s")
    return named
