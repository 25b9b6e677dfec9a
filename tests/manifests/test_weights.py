"""Where weights come from: downloaded by the init container, mounted from a claim, or from an image."""

from typing import Any

import pytest

from modelberth.manifests.cache_claim import cache_claim
from modelberth.manifests.facts import Facts
from modelberth.manifests.settings import Settings
from tests.manifests.kubernetes_models import validate
from tests.manifests.specs import COMMIT, deployment_of, engine, facts_of, made, pod, resource

CLAIM = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "shared"}}
MADE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"size": "50Gi"}}
FOLDER = {"type": "HostPath", "hostPath": {"path": "/var/lib/models"}}
PRIVATE = {"model": {"uri": "hf://org/name", "secretRef": {"name": "hf-token"}}}


def fetch(spec: dict[str, Any], facts: Facts | None = None, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = pod(spec, facts, Settings.model_validate(settings or {}))["initContainers"][0]
    return found


def volume(spec: dict[str, Any], name: str = "weights") -> dict[str, Any]:
    return next(volume for volume in pod(spec)["volumes"] if volume["name"] == name)


def model_argument(spec: dict[str, Any]) -> str:
    args = engine(spec)["args"]
    return str(args[args.index("--model") + 1]) if "--model" in args else str(args[0])


def llama_cpp(uri: str) -> dict[str, Any]:
    return {"model": {"uri": uri}, "engine": {"type": "LlamaCpp"}}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({}, "/models"),
        (llama_cpp("hf://org/name"), "/models/model.gguf"),
        (llama_cpp("hf://org/name@v1/q4/a.gguf"), "/models/q4/a.gguf"),
        (llama_cpp("hf://org/name/my%20model%5B4%5D.gguf"), "/models/my model[4].gguf"),
        ({"model": {"uri": "pvc://models"}}, "/models"),
        ({"model": {"uri": "pvc://models/"}}, "/models"),
        ({"model": {"uri": "pvc://models/llama/8b"}}, "/models/llama/8b"),
        ({"model": {"uri": "pvc://models/a%20b"}}, "/models/a b"),
        (llama_cpp("pvc://models/gguf/a.gguf"), "/models/gguf/a.gguf"),
        ({"model": {"uri": "oci://example.com/m:1"}}, "/models"),
        (llama_cpp("oci://example.com/m:1"), "/models/model.gguf"),
    ],
)
def test_the_engine_is_told_where_they_are(spec: dict[str, Any], path: str) -> None:
    assert model_argument(spec) == path
    mount = next(mount for mount in engine(spec)["volumeMounts"] if mount["name"] == "weights")
    assert mount == {"name": "weights", "mountPath": "/models", "readOnly": True}


@pytest.mark.parametrize("uri", ["hf://org/name/%24%28HOME%29%24.gguf", "pvc://models/%24%28HOME%29%24.gguf"])
def test_the_kubelet_finds_nothing_to_expand_in_a_file_name(uri: str) -> None:
    # $$ is how Kubernetes writes a $ that is none of $(NAME).
    assert model_argument(llama_cpp(uri)) == "/models/$$(HOME)$$.gguf"


def test_an_argument_of_the_user_may_refer_to_a_variable() -> None:
    spec = {"engine": {"type": "vLLM", "args": ["--otlp-traces-endpoint", "http://$(POD_IP):4317"]}}
    assert engine(spec)["args"][-1] == "http://$(POD_IP):4317"


def test_a_download_has_its_own_folder_and_the_uri_as_it_is_written() -> None:
    spec = llama_cpp("hf://org/name@refs%2Fpr%2F1/my%20model.gguf")
    assert volume(spec) == {"name": "weights", "emptyDir": {}}
    assert fetch(spec)["args"] == [
        *("fetch", "hf://org/name@refs%2Fpr%2F1/my%20model.gguf", "--to", "/models", "--engine", "LlamaCpp"),
        *("--progress-port", "9401", "--revision", COMMIT),
    ]
    assert {"name": "weights", "mountPath": "/models"} in fetch(spec)["volumeMounts"]
    assert [port["containerPort"] for port in fetch(spec)["ports"]] == [9401]
    assert "cache" not in {mount["name"] for mount in (*fetch(spec)["volumeMounts"], *engine(spec)["volumeMounts"])}


@pytest.mark.parametrize(
    ("cache", "source"),
    [
        (CLAIM, {"persistentVolumeClaim": {"claimName": "shared"}}),
        (MADE, {"persistentVolumeClaim": {"claimName": "llama3-weights"}}),
        (FOLDER, {"hostPath": {"path": "/var/lib/models", "type": "Directory"}}),
    ],
)
def test_a_cache_is_written_by_the_fetcher_and_read_by_the_engine(
    cache: dict[str, Any], source: dict[str, Any]
) -> None:
    spec = {"weights": {"cache": cache}}
    assert volume(spec, "cache") == {"name": "cache", **source}
    assert {"name": "cache", "mountPath": "/cache"} in fetch(spec)["volumeMounts"]
    assert {"name": "cache", "mountPath": "/cache", "readOnly": True} in engine(spec)["volumeMounts"]
    args = fetch(spec)["args"]
    assert args[args.index("--cache") + 1] == "/cache"
    # The engine's path stays, whatever the cache: links of this pod alone lead into it.
    assert volume(spec) == {"name": "weights", "emptyDir": {}}
    assert model_argument(spec) == model_argument({})


def test_a_claim_is_made_where_a_size_is_given() -> None:
    claim = cache_claim(deployment_of(resource({"weights": {"cache": MADE}})))
    assert claim is not None
    validate(claim)
    assert claim["metadata"]["name"] == "llama3-weights"
    assert claim["spec"] == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "50Gi"}}}


def test_a_claim_of_one_node_and_a_class() -> None:
    own = {"size": "1Ti", "storageClassName": "fast", "accessMode": "ReadWriteOnce"}
    cache = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": own}
    raw = resource({"weights": {"cache": cache}})
    raw["metadata"]["uid"] = "u-1"
    claim = cache_claim(deployment_of(raw))
    assert claim is not None
    assert (claim["spec"]["storageClassName"], claim["spec"]["accessModes"]) == ("fast", ["ReadWriteOnce"])
    assert claim["metadata"]["ownerReferences"][0]["uid"] == "u-1"


@pytest.mark.parametrize("cache", [{}, CLAIM, FOLDER])
def test_no_claim_is_made_of_anything_else(cache: dict[str, Any]) -> None:
    assert cache_claim(deployment_of(resource({"weights": {"cache": cache}}))) is None


def test_a_claim_is_mounted_read_only_and_nothing_is_downloaded() -> None:
    spec = {"model": {"uri": "pvc://models/llama"}}
    assert volume(spec) == {"name": "weights", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}
    assert "fetch" not in [container["name"] for container in pod(spec)["initContainers"]]


def test_an_image_is_an_image_volume() -> None:
    spec = {"model": {"uri": "oci://example.com/m@sha256:" + "0" * 64}}
    reference = "example.com/m@sha256:" + "0" * 64
    assert volume(spec) == {"name": "weights", "image": {"reference": reference, "pullPolicy": "IfNotPresent"}}
    assert "fetch" not in [container["name"] for container in pod(spec)["initContainers"]]


@pytest.mark.parametrize(
    ("model", "flag"), [({"allowPickle": True}, "--allow-pickle"), ({"trustRemoteCode": True}, "--trust-remote-code")]
)
def test_what_runs_code_is_downloaded_only_when_the_spec_says_so(model: dict[str, Any], flag: str) -> None:
    assert flag not in fetch({})["args"]
    assert flag in fetch({"model": {"uri": "hf://org/name", **model}})["args"]


def test_a_public_repository_that_was_not_looked_up_keeps_its_revision() -> None:
    args = fetch({"model": {"uri": "hf://org/name@v1"}}, facts_of(None))["args"]
    assert args[1] == "hf://org/name@v1"
    assert "--revision" not in args


def test_every_replica_of_a_private_repository_fetches_the_same_commit() -> None:
    assert made({**PRIVATE, "replicas": 3})["Deployment"]["spec"]["replicas"] == 3
    assert fetch(PRIVATE)["args"][-2:] == ["--revision", COMMIT]


def test_the_chart_decides_where_the_fetcher_connects_and_how() -> None:
    settings = {
        "hub": {"endpoint": "https://mirror.example.com"},
        "fetcher": {
            "image": "example.com/operator:1",
            "imagePullPolicy": "Always",
            "env": {
                "HTTPS_PROXY": "http://proxy:3128",
                "HF_HOME": "/tmp/x",
                "HF_ENDPOINT": "https://no",
                "HF_TOKEN": "x",
            },
            "caConfigMap": "company-ca",
        },
    }
    found = fetch(PRIVATE, None, settings)
    env = {variable["name"]: variable for variable in found["env"]}
    assert len(env) == len(found["env"]), "server-side apply refuses a name twice"
    assert env["HF_ENDPOINT"]["value"] == "https://mirror.example.com"
    assert env["HF_HOME"]["value"] == "/tmp/x"
    assert env["HTTPS_PROXY"]["value"] == "http://proxy:3128"
    assert env["SSL_CERT_FILE"]["value"] == "/etc/modelberth/ca/ca.crt"
    assert env["HF_TOKEN"] == {
        "name": "HF_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "HF_TOKEN"}},
    }
    assert (found["image"], found["imagePullPolicy"]) == ("example.com/operator:1", "Always")
    volumes = pod(PRIVATE, None, Settings.model_validate(settings))["volumes"]
    assert {"name": "ca", "configMap": {"name": "company-ca"}} in volumes
    assert {"name": "ca", "mountPath": "/etc/modelberth/ca", "readOnly": True} in found["volumeMounts"]
