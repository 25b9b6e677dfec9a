"""The CRD on a real API server, as people meet it through kubectl."""

import json
from typing import Any

import pytest
import yaml

from e2e.api.conftest import CRD_FILE, Server
from e2e.command import CommandError
from tests.api.resources import resource


def test_the_crd_is_accepted_and_established(server: Server) -> None:
    server.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(CRD_FILE))
    conditions = server.kubectl.json("get", "crd/modeldeployments.modelberth.dev")["status"]["conditions"]
    states = {condition["type"]: condition["status"] for condition in conditions}
    assert states["Established"] == "True"
    assert states["NamesAccepted"] == "True"
    assert states.get("NonStructuralSchema", "False") == "False"


def test_the_rules_may_double_within_the_cost_limit_of_a_crd(server: Server) -> None:
    definition = yaml.safe_load(CRD_FILE.read_text())
    definition["metadata"]["name"] = "modeldeployments.cost.modelberth.dev"
    definition["spec"]["group"] = "cost.modelberth.dev"
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    # Rules are keyed by their text.
    spec["x-kubernetes-validations"] += [
        {**rule, "rule": rule["rule"] + " "} for rule in spec["x-kubernetes-validations"]
    ]
    server.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(definition))


@pytest.mark.parametrize(
    ("engine", "args", "field"),
    [
        ("vLLM", ["--max_model_len", "4096"], "spec.maxModelLen"),
        ("vLLM", ["--max-model-len=4096"], "spec.maxModelLen"),
        ("vLLM", ["-tp=2"], "spec.parallelism.tensor"),
        ("vLLM", ["-tp", "2"], "spec.parallelism.tensor"),
        ("vLLM", ["-q", "awq"], "spec.quantization"),
        ("SGLang", ["--tp", "2"], "spec.parallelism.tensor"),
        ("SGLang", ["--tensor_parallel_size=2"], "spec.parallelism.tensor"),
        ("LlamaCpp", ["-c", "4096"], "spec.maxModelLen"),
        ("LlamaCpp", ["--ctx_size", "4096"], "spec.maxModelLen"),
        ("LlamaCpp", ["-ngl", "99"], "spec.device"),
    ],
)
def test_an_owned_flag_is_refused_with_its_field(server: Server, engine: str, args: list[str], field: str) -> None:
    refusal = str(server.refusal(resource({"spec.engine.args": args}, engine)))
    assert "spec.engine.args: Invalid value: --" in refusal
    assert field in refusal


@pytest.mark.parametrize(
    ("engine", "name", "field"),
    [
        ("vLLM", "VLLM_API_KEY", "spec.apiKeySecretRef"),
        ("vLLM", "HF_TOKEN", "spec.model.secretRef"),
        ("LlamaCpp", "LLAMA_ARG_CTX_SIZE", "spec.maxModelLen"),
    ],
)
def test_an_owned_variable_is_refused_with_its_field(server: Server, engine: str, name: str, field: str) -> None:
    refusal = str(server.refusal(resource({"spec.engine.env": [{"name": name, "value": "1"}]}, engine)))
    assert f"spec.engine.env: Invalid value: {name} is set by {field}" in refusal


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"spec.engine.args": ["--max_model_len=4096"]},
            "spec.engine.args: Invalid value: --max-model-len is set by spec.maxModelLen; use that field",
        ),
        ({"spec.model.uri": "llama3"}, "spec.model.uri: Invalid value: must be hf://org/name[@revision]"),
        ({"metadata.name": "1a"}, "metadata.name must be a DNS-1035 label of at most 53 characters"),
        ({"spec.maxmodellen": 1}, 'unknown field "spec.maxmodellen"'),
        ({"spec.device": "CPU"}, "set spec.resources.limits.memory"),
    ],
)
def test_kubectl_apply_says_what_to_do(server: Server, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandError) as caught:
        server.run("apply", "-f", "-", stdin=json.dumps(resource(changes)))
    assert words in str(caught.value)


def test_kubectl_explain_shows_the_descriptions(server: Server) -> None:
    text = " ".join(server.kubectl("explain", "modeldeployment.spec.maxModelLen").split())
    assert "Longest sequence (prompt and answer) in tokens." in text


def test_defaults_columns_and_scale(server: Server) -> None:
    server.run("apply", "-f", "-", stdin=json.dumps(resource({"metadata.name": "scaled", "spec.replicas": 0})))
    spec = server.kubectl.json("-n", server.namespace, "get", "mdep/scaled")["spec"]
    assert spec["parallelism"] == {"tensor": 1, "pipeline": 1, "data": 1}
    assert spec["gpu"] == {"resourceName": "nvidia.com/gpu"}
    header, row = server.run("get", "mdep", "scaled").splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "REPLICAS", "ENGINE", "MODEL", "URL", "AGE"]
    assert "hf://org/name" in row
    path = f"/apis/modelberth.dev/v1alpha1/namespaces/{server.namespace}/modeldeployments/scaled/scale"
    assert json.loads(server.kubectl("get", "--raw", path))["spec"] == {}  # 0 is omitted
    server.run("scale", "mdep/scaled", "--replicas=2")
    assert json.loads(server.kubectl("get", "--raw", path))["spec"]["replicas"] == 2
    server.run("delete", "mdep", "scaled")
