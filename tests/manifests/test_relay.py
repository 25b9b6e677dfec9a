"""The sidecar of LlamaCpp pods, and what the kubelet asks it before it ends the engine."""

from typing import Any

import pytest

from modelberth.engines.catalogue import ENGINES
from modelberth.manifests.settings import Settings
from tests.manifests.specs import pod

LLAMA_CPP = {"engine": {"type": "LlamaCpp"}}
KEY = {**LLAMA_CPP, "apiKeySecretRef": {"name": "keys", "key": "clients"}}


def relay(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The relay of a pod with this spec."""
    (found,) = (one for one in pod(spec, **more)["initContainers"] if one["name"] == "relay")
    return dict(found)


def option(container: dict[str, Any], name: str) -> str:
    args = container["args"]
    return str(args[args.index(name) + 1])


@pytest.mark.parametrize("kind", ["vLLM", "SGLang"])
def test_engines_with_open_metrics_have_none(kind: str) -> None:
    found = pod({"engine": {"type": kind}})
    assert "relay" not in [one["name"] for one in found["initContainers"]]


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("hf://org/name", ["fetch", "relay"]),
        ("pvc://models/a.gguf", ["relay"]),
        ("oci://example.com/m:1", ["relay"]),
    ],
)
def test_it_stays_wherever_the_weights_come_from(uri: str, names: list[str]) -> None:
    found = pod({**LLAMA_CPP, "model": {"uri": uri}})["initContainers"]
    assert [one["name"] for one in found] == names
    assert [one.get("restartPolicy") for one in found][-1] == "Always"


def test_it_listens_where_the_operator_looks_for_metrics_and_asks_where_the_engine_listens() -> None:
    engine, found = ENGINES["LlamaCpp"], relay(LLAMA_CPP)
    assert found["ports"] == [{"name": "metrics", "containerPort": engine.metrics_port, "protocol": "TCP"}]
    assert option(found, "--port") == str(engine.metrics_port)
    assert option(found, "--engine-port") == str(engine.port)


def test_the_kubelet_asks_it_before_it_ends_the_engine_and_has_the_time_for_it() -> None:
    found = pod(LLAMA_CPP)
    drained = float(option(relay(LLAMA_CPP), "--drain-pause")) + float(option(relay(LLAMA_CPP), "--drain-limit"))
    assert found["containers"][0]["lifecycle"] == {"preStop": {"httpGet": {"path": "/drain", "port": 9400}}}
    assert found["terminationGracePeriodSeconds"] > drained


def test_it_has_the_key_where_the_engine_has_it_and_only_there() -> None:
    found, spec = relay(KEY), pod(KEY)
    (mount,) = found["volumeMounts"]
    assert mount in spec["containers"][0]["volumeMounts"]
    assert option(found, "--key-file") == mount["mountPath"]
    assert option(spec["containers"][0], "--api-key-file") == mount["mountPath"]
    without = relay(LLAMA_CPP)
    assert "volumeMounts" not in without
    assert "--key-file" not in without["args"]


def test_its_image_is_the_fetchers() -> None:
    settings = Settings.model_validate({"fetcher": {"image": "new:2", "imagePullPolicy": "Never"}})
    found = relay(LLAMA_CPP, settings=settings)
    assert (found["image"], found["imagePullPolicy"]) == ("new:2", "Never")


def test_it_can_be_given_more() -> None:
    patch = {"initContainers": [{"name": "relay", "resources": {"limits": {"cpu": "1", "memory": "128Mi"}}}]}
    spec = {**LLAMA_CPP, "podTemplate": {"spec": patch}}
    assert relay(spec)["resources"]["limits"] == {"cpu": "1", "memory": "128Mi"}
    assert relay(spec)["args"] == relay(LLAMA_CPP)["args"]
