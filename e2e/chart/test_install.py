"""The chart on a real cluster: install, rights, upgrade, uninstall.

The releases here have their own names and namespaces, and an operator is started only where it serves nothing else, so
that one which other tests run on the same cluster is not disturbed. The definition is shared: every release takes it
over and leaves it behind.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.command import Command, CommandError, wait_until

DEFINITION = "customresourcedefinition/modeldeployments.modelberth.dev"
MODEL = Path(__file__).with_name("model.yaml").read_text()
PARKED = ("replicas=0", "activator.replicas=0")
"""Installed, but nothing runs."""


@dataclass(frozen=True)
class Release:
    """A release of the chart. ``models`` is the namespace that it serves."""

    name: str
    namespace: str
    models: str
    helm: Command
    chart: str

    def apply(self, *sets: str) -> str:
        """Install or upgrade."""
        flags = [flag for value in sets for flag in ("--set", value)]
        where = ["--namespace", self.namespace, "--take-ownership"]
        return self.helm("upgrade", "--install", self.name, self.chart, *where, *flags)

    def uninstall(self) -> None:
        self.helm("uninstall", self.name, "--namespace", self.namespace, "--ignore-not-found", "--wait")

    @property
    def account(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def activator_account(self) -> str:
        return f"{self.account}-activator"


@pytest.fixture
def release(helm: Command, kubectl: Command, chart: str) -> Iterator[Release]:
    """Nothing installed yet, two namespaces ready. The operator's namespace enforces Pod Security `restricted`."""
    name = f"modelberth-{uuid.uuid4().hex[:6]}"
    made = Release(name, f"{name}-system", f"{name}-models", helm, chart)
    for namespace in (made.namespace, made.models):
        kubectl("create", "namespace", namespace)
        kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    yield made
    made.uninstall()
    kubectl("delete", "namespace", made.namespace, made.models, "--wait=false")


def names(kubectl: Command, kind: str, release: Release) -> set[str]:
    found = kubectl("get", kind, "--all-namespaces", "-l", f"app.kubernetes.io/instance={release.name}", "-o", "json")
    return {item["metadata"]["name"] for item in json.loads(found)["items"]}


def definition_uid(kubectl: Command) -> str:
    return kubectl("get", DEFINITION, "-o", "jsonpath={.metadata.uid}")


def test_install_upgrade_uninstall(release: Release, kubectl: Command) -> None:
    said = release.apply(*PARKED, f"watchNamespaces={{{release.models}}}")
    assert "kubectl --namespace" in said
    kubectl("wait", "--for=condition=Established", DEFINITION, "--timeout=60s")
    kubectl("apply", "--namespace", release.models, "-f", "-", stdin=MODEL)
    model = ["get", "mdep/parked", "--namespace", release.models, "-o", "jsonpath={.metadata.uid}"]
    before = (definition_uid(kubectl), kubectl(*model))

    release.apply(*PARKED, f"watchNamespaces={{{release.models}}}", "logLevel=debug")
    deployment = json.loads(
        kubectl("get", f"deployment/{release.name}", "--namespace", release.namespace, "-o", "json")
    )
    assert "debug" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]

    release.uninstall()
    assert not names(kubectl, "deployments,services,configmaps,serviceaccounts,roles,rolebindings", release)
    assert (definition_uid(kubectl), kubectl(*model)) == before, "definition and ModelDeployments survive"

    release.apply(*PARKED, f"watchNamespaces={{{release.models}}}")
    assert (definition_uid(kubectl), kubectl(*model)) == before, "and a new release takes them over"


def test_operator_and_activator_become_ready(release: Release, kubectl: Command, operator_image: str) -> None:
    repository, _, tag = operator_image.rpartition(":")
    release.apply(
        f"image.repository={repository}",
        f"image.tag={tag}",
        "image.pullPolicy=IfNotPresent",
        f"watchNamespaces={{{release.models}}}",
    )
    where = ["--namespace", release.namespace]
    for part in (release.name, f"{release.name}-activator"):
        kubectl("rollout", "status", f"deployment/{part}", *where, "--timeout=150s")
    for path in ("healthz", "readyz", "metrics"):
        kubectl(
            "get", "--raw", f"/api/v1/namespaces/{release.namespace}/services/{release.name}-metrics:http/proxy/{path}"
        )


@pytest.mark.parametrize("part", ["", "-activator"])
def test_pods_are_admitted_as_restricted(release: Release, kubectl: Command, part: str) -> None:
    """Pod Security judges pods, not Deployments: so the pod of the template is tried, without being made."""
    release.apply(*PARKED, f"watchNamespaces={{{release.models}}}", "customCA.configMap=roots")
    deployment = json.loads(
        kubectl("get", f"deployment/{release.name}{part}", "--namespace", release.namespace, "-o", "json")
    )
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", **deployment["spec"]["template"]}
    pod["metadata"] = {"name": "tried", "namespace": release.namespace}
    kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))

    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(CommandError, match="violates PodSecurity"):
        kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def can(kubectl: Command, user: str, action: str, namespace: str) -> bool:
    """Whether RBAC lets the user do that. ``action``: a verb and a resource.group[/subresource]."""
    verb, _, resource = action.partition(" ")
    resource, _, subresource = resource.partition("/")
    resource, _, group = resource.partition(".")
    asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
    groups = ["system:authenticated", "system:serviceaccounts"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": asked},
    }
    return bool(json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))["status"]["allowed"])


def wait_can(kubectl: Command, user: str, action: str, namespace: str) -> None:
    """The API server learns of new roles through watches, a moment after they were written."""
    wait_until(f"{user} may {action} in {namespace}", lambda: can(kubectl, user, action, namespace), 30, every_s=0.2)


def test_namespaced_rights(release: Release, kubectl: Command) -> None:
    release.apply(*PARKED, f"watchNamespaces={{{release.models}}}")
    assert not names(kubectl, "clusterroles,clusterrolebindings", release)
    for resource in ("modeldeployments.modelberth.dev", "deployments.apps", "services", "pods"):
        wait_can(kubectl, release.account, f"watch {resource}", release.models)
        assert not can(kubectl, release.account, f"watch {resource}", "default"), resource
    slices = "watch endpointslices.discovery.k8s.io"
    for account in (release.account, release.activator_account):
        wait_can(kubectl, account, slices, release.models)
        assert not can(kubectl, account, slices, "default"), account
    wait_can(kubectl, release.account, slices, release.namespace)
    assert not can(kubectl, release.activator_account, slices, release.namespace)
    assert not can(kubectl, release.account, "create endpointslices.discovery.k8s.io", release.namespace)
    wait_can(kubectl, release.account, "create leases.coordination.k8s.io", release.namespace)
    assert not can(kubectl, release.account, "get leases.coordination.k8s.io", release.models)


GRANTED = """
list modeldeployments.modelberth.dev
patch modeldeployments.modelberth.dev/status
patch deployments.apps
create events.events.k8s.io
delete poddisruptionbudgets.policy
delete endpointslices.discovery.k8s.io
create endpointslices.discovery.k8s.io/restricted
create pods
delete pods
"""

REFUSED = """
get configmaps
get secrets
list secrets
create secrets
get pods/log
update pods
create pods/exec
delete deployments.apps
delete services
patch modeldeployments.modelberth.dev
delete modeldeployments.modelberth.dev
get customresourcedefinitions.apiextensions.k8s.io
get leases.coordination.k8s.io
create rolebindings.rbac.authorization.k8s.io
"""


def test_cluster_wide_rights(release: Release, kubectl: Command) -> None:
    release.apply(*PARKED)
    roles = {f"{release.name}{suffix}" for suffix in ("", "-activator", "-view", "-edit")}
    assert names(kubectl, "clusterroles", release) == roles
    granted, refused = GRANTED.strip().splitlines(), REFUSED.strip().splitlines()
    wait_can(kubectl, release.account, granted[0], "default")
    assert [action for action in granted if not can(kubectl, release.account, action, "default")] == []
    assert [action for action in refused if can(kubectl, release.account, action, "default")] == []

    activator = release.activator_account
    wait_can(kubectl, activator, "watch endpointslices.discovery.k8s.io", "default")
    writes = ["patch endpointslices.discovery.k8s.io", "create endpointslices.discovery.k8s.io"]
    assert [action for action in [*granted, *refused, *writes] if can(kubectl, activator, action, "default")] == []


def test_rights_are_enough_for_server_side_apply(release: Release, kubectl: Command) -> None:
    """Every write of the operator, as its account: create and change each child, tell the status, drop two."""
    release.apply(*PARKED, f"watchNamespaces={{{release.models}}}")
    kubectl("wait", "--for=condition=Established", DEFINITION, "--timeout=60s")
    operator = [f"--as={release.account}", "--namespace", release.models]
    apply = ["apply", "--server-side", "--field-manager=modelberth", *operator, "-f", "-"]

    kubectl("apply", "--namespace", release.models, "-f", "-", stdin=MODEL)
    wait_can(kubectl, release.account, "patch modeldeployments.modelberth.dev/status", release.models)
    uid = kubectl("get", "mdep/parked", "--namespace", release.models, "-o", "jsonpath={.metadata.uid}")

    def manifests(name: str) -> str:
        text = Path(__file__).with_name(name).read_text()
        return text.replace("OWNER_UID", uid).replace("MODELS", release.models)

    kubectl(*apply, stdin=manifests("children.yaml"))
    kubectl(*apply, stdin=manifests("children.yaml").replace("step: one", "step: two"))
    kubectl("create", *operator, "-f", "-", stdin=manifests("event.yaml"))
    kubectl("create", *operator, "-f", "-", stdin=manifests("facts-pod.yaml"))
    kubectl("delete", "pod/parked-reader", *operator, "--grace-period=0", "--force")
    model = yaml.safe_load(MODEL)
    status = {key: model[key] for key in ("apiVersion", "kind", "metadata")} | {"status": {"observedGeneration": 1}}
    kubectl(*apply, "--subresource=status", stdin=json.dumps(status))
    told = ["get", "mdep/parked", "--namespace", release.models, "-o", "jsonpath={.status.observedGeneration}"]
    assert kubectl(*told) == "1"
    # The operator of the whole cluster may have found them superfluous already; a missing right is told all the same.
    kubectl("delete", "poddisruptionbudget/parked", "endpointslice/parked-activator", "--ignore-not-found", *operator)
    with pytest.raises(CommandError, match="forbidden"):
        kubectl(*apply, stdin=MODEL)


def test_people_get_rights_by_aggregation(release: Release, kubectl: Command) -> None:
    release.apply(*PARKED)
    for role in ("view", "edit", "admin"):
        binding = ["rolebinding", role, f"--clusterrole={role}", f"--user=a-{role}"]
        kubectl("create", *binding, "--namespace", release.models)

    def may(role: str, action: str) -> bool:
        return can(kubectl, f"a-{role}", action, release.models)

    wait_can(kubectl, "a-edit", "create modeldeployments.modelberth.dev", release.models)
    wait_can(kubectl, "a-admin", "patch modeldeployments.modelberth.dev/scale", release.models)
    wait_can(kubectl, "a-view", "list modeldeployments.modelberth.dev", release.models)
    assert not may("view", "create modeldeployments.modelberth.dev")
    assert not may("view", "patch modeldeployments.modelberth.dev/scale")
    assert not may("admin", "patch modeldeployments.modelberth.dev/status")
