"""What kubectl prints where the webhook refuses, and that nothing which goes wrong with it holds a write up."""

import json
import re
from typing import Any

import pytest

from e2e.command import CommandError, wait_until
from e2e.resources import small
from e2e.webhook.conftest import NAME, RELEASE, Judge, upside_down

pytestmark = pytest.mark.timeout(600)


def too_large() -> dict[str, Any]:
    """A model that is allowed next to nothing of its GPU."""
    return {
        "apiVersion": "modelberth.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "too-large"},
        "spec": {
            "model": {"uri": "hf://modelberth/SmolLM2-135M-Instruct"},
            "engine": {"type": "vLLM"},
            "gpu": {"type": "NVIDIA-L4"},
            "gpuMemoryUtilization": 0.02,
        },
    }


@pytest.fixture(scope="module")
def installed(judge: Judge) -> Judge:
    judge.install()
    judge.wait_judging(upside_down())
    return judge


def test_a_refused_apply_prints_the_finding(installed: Judge) -> None:
    with pytest.raises(CommandError) as caught:
        installed.apply(upside_down())
    print(caught.value)
    said = str(caught.value)
    assert 'The ModelDeployment "upside-down" is invalid' in said
    assert "spec.resources.requests.memory: 2Gi is more than spec.resources.limits.memory (1Gi)" in said
    assert "upside-down" not in installed.platform.kubectl("-n", installed.judged, "get", "mdep", "-o", "name")


@pytest.mark.parametrize("how", ["create", "server-side", "generateName"])
def test_other_ways_to_write_are_refused_alike(installed: Judge, how: str) -> None:
    resource, kubectl = upside_down(), ["-n", installed.judged]
    if how == "generateName":
        resource["metadata"] = {"generateName": "upside-"}
    command = ["apply", "--server-side"] if how == "server-side" else ["create"]
    with pytest.raises(CommandError, match=r"spec\.resources\.requests\.memory"):
        installed.platform.kubectl(*kubectl, *command, "-f", "-", stdin=json.dumps(resource))


def test_a_generated_name_is_no_finding(installed: Judge) -> None:
    resource = small("x", replicas=0) | {"metadata": {"generateName": "fine-"}}
    installed.platform.kubectl(
        "-n", installed.judged, "create", "--dry-run=server", "-f", "-", stdin=json.dumps(resource)
    )


def test_what_does_not_fit_is_refused_with_the_first_advice(installed: Judge) -> None:
    # The first time its facts are not known: it is allowed, and they are asked for.
    wait_until("its facts are known", lambda: installed.try_out(too_large()), 60)
    with pytest.raises(CommandError) as caught:
        installed.apply(too_large())
    print(caught.value)
    assert 'The ModelDeployment "too-large" is invalid' in str(caught.value)
    assert re.search(r"\* spec\.gpuMemoryUtilization: \S", str(caught.value))
    assert re.search(r"\* spec: fits with: gpuMemoryUtilization: 0\.\d", str(caught.value))
    assert "too-large" not in installed.platform.kubectl("-n", installed.judged, "get", "mdep", "-o", "name")


def test_an_expert_overrules_the_plan(installed: Judge) -> None:
    wait_until("its facts are known", lambda: installed.try_out(too_large()), 60)
    warned = too_large()
    warned["metadata"]["annotations"] = {"modelberth.dev/plan-policy": "Warn"}
    assert installed.try_out(warned) is None


def test_a_running_one_may_be_scaled_and_labelled_but_not_broken(installed: Judge) -> None:
    # Nothing is started for it: no replicas.
    running = small("running", replicas=0, model={"uri": "pvc://weights/model.gguf"})
    installed.apply(running)
    assert installed.try_out(small("running", replicas=3, model={"uri": "pvc://weights/model.gguf"})) is None
    refused = installed.try_out(upside_down("running"))
    assert refused is not None
    assert "spec.resources.requests.memory" in refused
    installed.platform.kubectl("-n", installed.judged, "delete", "mdep/running")


def test_an_emptied_secret_is_filled_anew_and_trust_follows(installed: Judge) -> None:
    before, ends = installed.trusted(), installed.ends()
    patch = ("--type=json", "--patch", '[{"op": "remove", "path": "/data"}]')
    installed.kubectl("patch", "secret", NAME, *patch)
    wait_until("the API server trusts another authority", lambda: installed.trusted() not in (before, ""), 120)
    installed.wait_judging(upside_down())

    def both_serve_it() -> bool:
        now = installed.ends()
        return len(now) == 2 and len(set(now)) == 1 and now[0] not in ends

    wait_until("both replicas serve the new certificate", both_serve_it, 120)


def test_neither_an_upgrade_nor_the_operator_at_rest_changes_anything(installed: Judge) -> None:
    def versions() -> list[str]:
        path = "jsonpath={.metadata.resourceVersion}"
        return [
            installed.kubectl("get", "secret", NAME, "-o", path),
            installed.platform.kubectl("get", installed.configuration, "-o", path),
        ]

    before = versions()
    installed.install()
    installed.wait_judging(upside_down())
    assert versions() == before


@pytest.mark.parametrize("way", [(), ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")])
def test_what_the_operator_fills_in_is_no_difference(installed: Judge, way: tuple[str, ...]) -> None:
    """As Argo CD compares, by either of its ways: kubectl ends with 1 where there is a difference."""
    manifest = installed.platform.helm("get", "manifest", RELEASE, "--namespace", installed.system)
    assert "ValidatingWebhookConfiguration" in manifest
    assert installed.kubectl("diff", *way, "-f", "-", stdin=manifest) == ""


def test_the_account_reads_no_other_secret(installed: Judge) -> None:
    account = f"--as=system:serviceaccount:{installed.system}:judge-modelberth"

    def may(*action: str) -> bool:
        try:
            return installed.kubectl("auth", "can-i", *action, account).strip() == "yes"
        except CommandError:
            return False

    assert may("patch", f"secrets/{NAME}")
    assert may("patch", installed.configuration)
    for action in (("get", "secrets"), ("list", "secrets"), ("create", "secrets"), ("get", "secrets/other")):
        assert not may(*action), action
    assert not may("patch", "validatingwebhookconfigurations/other")
    assert not may("create", "validatingwebhookconfigurations")


def test_without_an_operator_every_write_goes_through(installed: Judge) -> None:
    installed.kubectl("scale", "deployment/judge-modelberth", "--replicas=0")
    wait_until("no operator runs", lambda: not installed.pods(), 60)
    assert installed.try_out(upside_down()) is None
    installed.kubectl("scale", "deployment/judge-modelberth", "--replicas=2")
    installed.wait_judging(upside_down())
