"""The engine container and the pod around it."""

from typing import Any

import pytest

from modelberth.engines.catalogue import IMAGES
from modelberth.manifests.settings import Settings
from modelberth.planner.plan import Launch
from tests.manifests.specs import deployment_of, engine, facts_of, made, pod, resource

MIG = {"gpu": {"resourceName": "nvidia.com/mig-1g.10gb"}}
CPU = {"device": "CPU", "resources": {"limits": {"memory": "8Gi"}}}
KEY = {"engine": {"type": "LlamaCpp"}, "apiKeySecretRef": {"name": "keys", "key": "clients"}}


def resources(**given: Any) -> dict[str, Any]:
    found: dict[str, Any] = engine({"resources": given})["resources"]
    return found


def test_a_spec_without_resources_is_schedulable() -> None:
    assert resources() == {
        "limits": {"nvidia.com/gpu": "1"},
        "requests": {"cpu": "1", "memory": "4Gi", "ephemeral-storage": "2Gi"},
    }


def test_a_limit_without_a_request_is_the_request_so_no_default_goes_above_it() -> None:
    found = resources(limits={"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"})
    assert found == {
        "limits": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi", "nvidia.com/gpu": "1"},
    }


def test_what_the_spec_says_stands_and_numbers_become_the_strings_that_the_api_server_stores() -> None:
    found = resources(limits={"cpu": 4}, requests={"cpu": 2, "memory": "16Gi"})
    assert found["limits"] == {"cpu": "4", "nvidia.com/gpu": "1"}
    assert found["requests"] == {"cpu": "2", "memory": "16Gi", "ephemeral-storage": "2Gi"}


def test_devices_and_huge_pages_have_the_limit_that_the_api_server_asks_for() -> None:
    found = resources(requests={"rdma/hca": 1, "hugepages-2Mi": "1Gi"}, limits={"hugepages-2Mi": "1Gi"})
    assert found["limits"] == {"rdma/hca": "1", "hugepages-2Mi": "1Gi", "nvidia.com/gpu": "1"}


def test_gpus_are_tensor_times_pipeline_times_data() -> None:
    found = engine({"parallelism": {"tensor": 2, "pipeline": 3, "data": 5}, **MIG})
    assert found["resources"]["limits"] == {"nvidia.com/mig-1g.10gb": "30"}


def test_the_cpu_has_no_gpu_no_selector_and_no_toleration() -> None:
    spec = pod({**CPU, "gpu": {"type": "NVIDIA-L4"}})
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "8Gi"}
    assert not {"nodeSelector", "tolerations"} & set(spec)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("nvidia.com/gpu", ["nvidia.com/gpu"]),
        ("nvidia.com/mig-1g.10gb", ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"]),
        ("amd.com/gpu", ["amd.com/gpu"]),
    ],
)
def test_the_taint_of_gpu_nodes_is_tolerated(name: str, keys: list[str]) -> None:
    assert pod({"gpu": {"resourceName": name}})["tolerations"] == [
        {"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys
    ]


def test_the_key_of_the_node_label_is_the_charts() -> None:
    settings = Settings.model_validate({"gpu": {"labelKey": "cloud.google.com/gke-accelerator"}})
    found = pod({"gpu": {"type": "nvidia-l4"}}, None, settings)
    assert found["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}


@pytest.mark.parametrize(
    ("spec", "shared"),
    [
        ({}, False),
        ({"parallelism": {"tensor": 2}}, True),
        ({"parallelism": {"pipeline": 2}}, True),
        ({"parallelism": {"data": 2}}, True),
        (CPU, True),
    ],
)
def test_processes_that_talk_get_shared_memory(spec: dict[str, Any], shared: bool) -> None:
    found = pod(spec)
    assert ({"name": "shm", "emptyDir": {"medium": "Memory"}} in found["volumes"]) is shared
    assert ({"name": "shm", "mountPath": "/dev/shm"} in found["containers"][0]["volumeMounts"]) is shared


def test_a_key_that_the_engine_reads_from_a_file_is_mounted_there_and_nothing_else_of_the_secret() -> None:
    found = pod(KEY)
    container = found["containers"][0]
    path = container["args"][container["args"].index("--api-key-file") + 1]
    mount = next(mount for mount in container["volumeMounts"] if mount["mountPath"] == path)
    volume = next(volume for volume in found["volumes"] if volume["name"] == mount["name"])
    # subPath names the file inside the volume; without it the path would be a folder.
    assert volume["secret"] == {"secretName": "keys", "items": [{"key": "clients", "path": mount["subPath"]}]}
    assert mount["readOnly"] is True


def test_a_key_that_the_engine_reads_from_its_environment_is_a_reference() -> None:
    reference = {"secretKeyRef": {"name": "keys", "key": "api-key"}}
    env = engine({"apiKeySecretRef": {"name": "keys"}})["env"]
    assert {"name": "VLLM_API_KEY", "valueFrom": reference} in env


def test_a_variable_of_the_spec_wins_and_stands_once() -> None:
    env = engine({"engine": {"type": "vLLM", "env": [{"name": "TOKENIZERS_PARALLELISM", "value": "true"}]}})["env"]
    assert [each for each in env if each["name"] == "TOKENIZERS_PARALLELISM"] == [
        {"name": "TOKENIZERS_PARALLELISM", "value": "true"}
    ]


def test_an_empty_value_stays_and_what_is_not_given_is_left_out() -> None:
    reference = {"configMapKeyRef": {"name": "a", "key": "b", "optional": True}}
    own = [{"name": "EMPTY", "value": ""}, {"name": "REFERENCE", "valueFrom": reference}]
    assert engine({"engine": {"type": "vLLM", "env": own}})["env"][-2:] == own


def test_the_arguments_of_the_spec_come_last_where_the_last_one_wins() -> None:
    assert engine({"engine": {"type": "vLLM", "args": ["--seed", "1"]}})["args"][-2:] == ["--seed", "1"]


@pytest.mark.parametrize(
    ("spec", "settings", "image"),
    [
        ({}, {}, IMAGES["vLLM"]["GPU"]),
        (CPU, {}, IMAGES["vLLM"]["CPU"]),
        ({}, {"engineImages": {"vLLM": {"GPU": "r/vllm:v0.31.0"}}}, "r/vllm:v0.31.0"),
        (CPU, {"engineImages": {"vLLM": {"GPU": "r/vllm:v0.31.0"}}}, IMAGES["vLLM"]["CPU"]),
        (
            {"engine": {"type": "vLLM", "image": "mine:v0.30.0"}},
            {"engineImages": {"vLLM": {"GPU": "r/vllm:v0.31.0"}}},
            "mine:v0.30.0",
        ),
    ],
)
def test_the_image_is_the_specs_else_the_charts_else_the_pin(
    spec: dict[str, Any], settings: dict[str, Any], image: str
) -> None:
    assert pod(spec, None, Settings.model_validate(settings))["containers"][0]["image"] == image


def test_what_the_plan_computed_reaches_the_engine() -> None:
    def word(flag: str, spec: dict[str, Any]) -> str:
        args = engine(spec, facts_of(launch=Launch(0.77, 3 * 2**30, 24576)))["args"]
        return str(args[args.index(flag) + 1])

    assert word("--kv-cache-memory-bytes", CPU) == str(3 * 2**30)
    assert word("--max-total-tokens", {**CPU, "engine": {"type": "SGLang"}}) == "24576"
    assert word("--mem-fraction-static", {"engine": {"type": "SGLang"}}) == "0.77"


def test_several_replicas_are_spread_and_drained_one_at_a_time() -> None:
    one, three = made({"replicas": 1}), made({"replicas": 3})
    assert "PodDisruptionBudget" not in one
    budget = three["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == three["Deployment"]["spec"]["selector"]
    assert three["Deployment"]["spec"]["template"]["spec"]["topologySpreadConstraints"]


def test_labels_of_the_pod_template_are_added_to_ours() -> None:
    md = deployment_of(resource({"podTemplate": {"metadata": {"labels": {"team": "a"}}}}))
    labels = made({"podTemplate": {"metadata": {"labels": {"team": "a"}}}})["Deployment"]["spec"]["template"]
    assert labels["metadata"]["labels"]["team"] == "a"
    assert labels["metadata"]["labels"]["modelberth.dev/modeldeployment"] == md.name


def test_the_charts_pull_secrets_and_the_owner() -> None:
    settings = Settings.model_validate({"imagePullSecrets": ["a", "b"]})
    assert pod({}, None, settings)["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert "ownerReferences" not in made({})["Service"]["metadata"], "render knows no uid"
