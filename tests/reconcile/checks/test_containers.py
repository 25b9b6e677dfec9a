"""Containers that cannot be made, cannot start or end."""

import json
from typing import Any

import pytest

from modelberth.manifests.names import ENGINE, FETCH, RELAY
from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.config import UNMOUNTED_S, missing_config, unmounted
from modelberth.reconcile.checks.crashes import crash_loop, relay_failed
from modelberth.reconcile.checks.driver import driver_unfit
from modelberth.reconcile.checks.engine import engine_failed
from modelberth.reconcile.checks.fetch import fetch_failed
from modelberth.reconcile.checks.image import image_pull
from modelberth.reconcile.checks.memory import out_of_memory
from modelberth.reconcile.checks.node import pod_failed
from tests.fakes.pods import container, ended, status, waiting

from .cases import PLAN, at, case, engine_ended, pod

CONFIG_ERROR = "CreateContainerConfigError"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('secret "keys" not found', "There is no Secret keys in this namespace"),
        ('configmap "settings" not found', "There is no ConfigMap settings in this namespace"),
        ("couldn't find key api-key in Secret team-a/keys", "The Secret keys has no key api-key"),
        ("couldn't find key a in ConfigMap team-a/settings", "The ConfigMap settings has no key a"),
        ("failed to sync secret cache: timed out", "failed to sync secret cache: timed out"),
    ],
)
def test_what_is_missing_is_named(message: str, words: str) -> None:
    found = missing_config(case(pod(status(container(state=waiting(CONFIG_ERROR, message))))))
    assert found is not None
    assert (found.reason, found.stalled) == ("ConfigMissing", True)
    assert f"Container engine cannot start: {words}." in found.message


def test_a_user_that_the_node_refuses_is_no_missing_thing() -> None:
    message = "container has runAsNonRoot and image will run as root"
    found = missing_config(case(pod(status(container(state=waiting(CONFIG_ERROR, message))))))
    assert found is not None
    assert found.reason == "PodRejected"
    assert "runAsUser" in found.message


MOUNTS = {"volumes": [{"name": "secret-0", "secret": {"secretName": "keys"}}, {"name": "home", "emptyDir": {}}]}


def unmounted_pod(state: str = "False") -> Any:
    condition = {"type": "PodReadyToStartContainers", "status": state, "lastTransitionTime": at(0)}
    return pod({"phase": "Pending", "conditions": [condition]})


def test_a_secret_that_is_mounted_and_missing_is_told_after_a_while() -> None:
    found = unmounted(case(unmounted_pod(), spec=MOUNTS, now=5))
    assert found is not None
    assert (found.reason, found.stalled, found.in_s) == ("ConfigMissing", False, UNMOUNTED_S - 5)
    assert "Secret keys" in found.message


@pytest.mark.parametrize(
    ("state", "spec", "now"),
    [
        ("True", MOUNTS, 60),
        ("False", {"volumes": [{"name": "home", "emptyDir": {}}]}, 60),
        ("False", {"volumes": [{"name": "a", "configMap": {"name": "a", "optional": True}}]}, 60),
        ("False", MOUNTS, None),
    ],
)
def test_volumes_that_are_there_or_may_be_missing(state: str, spec: Any, now: float | None) -> None:
    assert unmounted(case(unmounted_pod(state), spec=spec, now=now)) is None


PULL = 'failed to pull and unpack image "registry.example.com/acme/engine:nope": '


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("not found", "Check the name and the tag"),
        ("pull access denied, repository does not exist or may require authorization", "imagePullSecrets"),
        ("failed to authorize: failed to fetch oauth token: 401 Unauthorized", "imagePullSecrets"),
        ("no match for platform in manifest: not found", "processor"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "does not reach the registry"),
        ("write /var/lib/containerd/x: no space left on device", "disk is full"),
    ],
)
def test_what_to_do_follows_from_the_error(error: str, advice: str) -> None:
    found = image_pull(case(pod(status(container(image="x", state=waiting("ErrImagePull", PULL + error))))))
    assert found is not None
    assert error in found.message
    assert advice in found.advice


def test_the_image_of_a_model_is_named_as_such() -> None:
    message = 'Back-off pulling image "registry.example.com/acme/model:1": ErrImagePull: not found'
    one = container(image="registry.example.com/acme/engine:1", state=waiting("ImagePullBackOff", message))
    found = image_pull(Case([pod(status(one))], model_image="registry.example.com/acme/model:1"))
    assert found is not None
    assert found.message.startswith(
        "The image registry.example.com/acme/model:1 of spec.model.uri cannot be pulled: not found."
    )


GPU_OUT = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 22.03 GiB "
    "of which 512.00 MiB is free."
)


def test_the_gpu_that_the_plan_called_sufficient() -> None:
    found = engine_failed(case(engine_ended(GPU_OUT), plan=PLAN))
    assert found is not None
    assert found.reason == "OutOfGpuMemory"
    for words in (
        "CUDA out of memory",
        "called it fitting",
        "The engine lacked 1.50 GiB",
        "has 22.03 GiB, 1.97 GiB less",
    ):
        assert words in found.message


def test_a_plan_that_said_so_and_one_that_is_missing() -> None:
    advice = [{"change": "maxModelLen: 4096", "fits": True}]
    found = engine_failed(case(engine_ended(GPU_OUT), plan={**PLAN, "fits": False, "advice": advice}))
    assert found is not None
    assert "said that it does not fit" in found.message
    assert "It fits with maxModelLen: 4096." in found.message
    found = engine_failed(case(engine_ended(GPU_OUT)))
    assert found is not None
    assert "Nothing was planned" in found.message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            # https://github.com/MauriceNino/dashdot/issues/1226
            "Auto-detected mode as 'legacy'\nnvidia-container-cli: requirement error: unsatisfied condition: "
            "cuda>=12.8, please update your driver to a newer version, or use an earlier cuda container: unknown",
            "is too old for the image of container engine: requirement error: unsatisfied condition: cuda>=12.8, "
            "please update your driver to a newer version, or use an earlier cuda container. Update the driver",
        ),
        (
            # https://github.com/NVIDIA/nvidia-docker/issues/1629
            "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown",
            "has no GPU driver that container engine could use: initialization error: nvml error: driver not loaded.",
        ),
    ],
)
def test_the_container_runtime_knows_of_unfit_drivers(said: str, words: str) -> None:
    error = (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        f"error during container init: error running prestart hook #0: exit status 1, stdout: , stderr: {said}"
    )
    one = container(state=waiting("CrashLoopBackOff"), lastState=ended(error, 128, "StartError"))
    found = driver_unfit(case(pod(status(one))))
    assert found is not None
    assert found.reason == "DriverTooOld"
    assert words in found.message
    assert driver_unfit(case(engine_ended(error))) is None, "its own log quotes it"


def test_an_engine_that_ended_well_has_no_last_words_of_failure() -> None:
    assert engine_failed(case(engine_ended(GPU_OUT, code=0))) is None


@pytest.mark.parametrize("state", ["waiting", "ended"])
def test_a_command_that_is_not_in_the_image(state: str) -> None:
    error = 'exec: "/app/llama-server": stat /app/llama-server: no such file or directory: unknown'
    states: dict[str, Any] = {
        "waiting": {"state": waiting("RunContainerError", error)},
        "ended": {"state": waiting("CrashLoopBackOff"), "lastState": ended(error, 128, "StartError")},
    }
    found = crash_loop(case(pod(status(container(**states[state])))))
    assert found is not None
    assert found.reason == "CrashLoop"
    assert found.message.startswith("The engine cannot be started: ")
    assert error in found.message


def test_a_container_of_the_user_that_ends_is_named() -> None:
    found = crash_loop(case(pod(status(container("proxy", state=ended("no config"))))))
    assert found is not None
    assert "Container proxy ends again and again: exit code 1: no config." in found.message
    assert crash_loop(case(pod(status(container("init", state=ended("", 0, "Completed")))))) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (ENGINE, "The engine was killed at its memory limit of 1Gi. Raise spec.resources.limits.memory"),
        (FETCH, "The fetcher was killed at its memory limit of 1Gi. Raise the memory limit of container fetch"),
        ("proxy", "Container proxy was killed at its memory limit of 1Gi."),
    ],
)
def test_whom_the_kernel_killed(name: str, words: str) -> None:
    spec = {"containers": [{"name": name, "resources": {"limits": {"memory": "1Gi"}}}]}
    found = out_of_memory(case(pod(status(container(name, state=ended("", 1, "OOMKilled")))), spec=spec))
    assert found is not None
    assert (found.reason, found.stalled) == ("OutOfMemory", True)
    assert found.message.startswith(words)


def test_the_plan_of_a_memory_limit_that_did_not_suffice() -> None:
    killed = pod(status(container(state=ended("", 137, "OOMKilled"))))
    found = out_of_memory(case(killed, plan={**PLAN, "gpusPerReplica": 0}))
    assert found is not None
    assert "24.00 GiB of the memory limit" in found.message


def test_a_killed_relay_is_a_matter_of_the_relay() -> None:
    killed = pod(status(container(RELAY, state=ended("", 137, "OOMKilled"))))
    assert out_of_memory(case(killed)) is None
    assert relay_failed(case(killed)) is not None


def test_a_killed_fetcher_left_no_report() -> None:
    killed = pod(status(container(FETCH, state=ended("", 137, "OOMKilled"))))
    assert fetch_failed(case(killed)) is None


@pytest.mark.parametrize(("transient", "stalled"), [(True, False), (False, True), (None, True)])
def test_an_outage_of_the_hub_needs_nobody(transient: bool | None, stalled: bool) -> None:
    report = {"reason": "HubUnreachable", "message": "No answer.", "transient": transient}
    found = fetch_failed(case(pod(status(container(FETCH, state=ended(json.dumps(report)))))))
    assert found is not None
    assert (found.reason, found.message, found.stalled) == ("HubUnreachable", "No answer.", stalled)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('Usage of EmptyDir volume "weights" exceeds the limit "1Gi".', "NotEnoughDisk"),
        ("The node was low on resource: ephemeral-storage.", "NotEnoughDisk"),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 2Gi.", "NotEnoughDisk"),
        ("The node was low on resource: memory.", "PodFailed"),
    ],
)
def test_what_a_pod_was_evicted_for(message: str, reason: str) -> None:
    found = pod_failed(case(pod({"phase": "Failed", "reason": "Evicted", "message": message})))
    assert found is not None
    assert found.reason == reason
    assert message.rstrip(".") in found.message
