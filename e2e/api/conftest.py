"""An API server that has the CRD: the cluster of the run, or, where only an API server is needed, the one that
``MODELBERTH_API_SERVER`` (the path of a kubeconfig) names on purpose. What KUBECONFIG points at is never touched.
"""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from e2e.command import Command
from modelberth.api.meta import GROUP, PLURAL, VERSION

ROOT = Path(__file__).parents[2]
CRD_FILE = ROOT / "crds" / f"{PLURAL}.{GROUP}.yaml"


@dataclass(frozen=True)
class Server:
    """The API server: kubectl in the namespace of these tests, and the quick way for hundreds of dry runs."""

    kubectl: Command
    objects: client.CustomObjectsApi
    namespace: str

    def run(self, *args: str, stdin: str | None = None) -> str:
        return self.kubectl("-n", self.namespace, *args, stdin=stdin)

    def refusal(self, resource: dict[str, Any]) -> str | None:
        """What the API server says against creating the resource; None where it would accept it."""
        try:
            self.objects.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, _as_go_sends(resource), dry_run="All", field_validation="Strict"
            )
        except ApiException as error:
            if error.status not in (400, 422):
                raise
            return str(json.loads(error.body or "{}")["message"])
        return None


def _as_go_sends(value: Any) -> Any:
    """1.0 as 1: kubectl and every other Go client write JSON without the point, Python's client does not."""
    if isinstance(value, dict):
        return {name: _as_go_sends(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_go_sends(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    given = os.environ.get("MODELBERTH_API_SERVER")
    if given:
        kubectl = Command(os.environ.get("KUBECTL", "kubectl"), {"KUBECONFIG": given})
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD_FILE))
    else:
        kubectl = request.getfixturevalue("platform").kubectl
    kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=30s")
    # A name of its own: without a controller manager a deleted namespace stays, and takes nothing new.
    namespace = f"e2e-api-{secrets.token_hex(3)}"
    kubectl("create", "namespace", namespace)
    api = client.CustomObjectsApi(config.new_client_from_config(kubectl.env["KUBECONFIG"]))
    yield Server(kubectl, api, namespace)
    kubectl("delete", "namespace", namespace, "--wait=false")
