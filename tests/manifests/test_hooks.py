"""What engine pods load of ours, how their engine starts, and what the kubelet asks before it ends."""

from itertools import pairwise
from typing import Any

import pytest

from modelberth.api.spec import EngineType
from modelberth.engines.catalogue import ENGINES
from modelberth.manifests.settings import Settings
from tests.manifests.specs import engine, pod

PYTHON: list[EngineType] = ["vLLM", "SGLang"]
LLAMA_CPP = {"engine": {"type": "LlamaCpp"}}


def drained(seconds: str, **spec: Any) -> dict[str, Any]:
    return pod({"rollout": {"drainTimeout": seconds}, **spec})


@pytest.mark.parametrize("kind", PYTHON)
def test_the_engine_finds_what_an_init_container_of_the_operators_image_puts_there(kind: EngineType) -> None:
    settings = Settings.model_validate({"fetcher": {"image": "ours:1", "imagePullPolicy": "Never"}})
    found = pod({"engine": {"type": kind}}, None, settings)
    (hooks,) = (one for one in found["initContainers"] if one["name"] == "hooks")
    container = found["containers"][0]
    assert (hooks["image"], hooks["imagePullPolicy"]) == ("ours:1", "Never")
    (mount,) = hooks["volumeMounts"]
    assert hooks["args"] == ["hooks", "--to", mount["mountPath"]]
    assert {**mount, "readOnly": True} in container["volumeMounts"]
    assert {"name": mount["name"], "emptyDir": {}} in found["volumes"]
    assert container["command"][:2] == ["python3", f"{mount['mountPath']}/run.py"]
    assert container["command"][2:] in (["vllm", "serve"], ["python3", "-m", "sglang.launch_server"])


def test_llama_cpp_has_no_python_and_no_hooks() -> None:
    found = pod(LLAMA_CPP)
    assert "hooks" not in [one["name"] for one in (*found["initContainers"], *found["volumes"])]
    assert found["containers"][0]["command"] == ["/app/llama-server"]


@pytest.mark.parametrize("kind", PYTHON)
def test_before_sigterm_the_kubelet_waits_for_the_clients(kind: EngineType) -> None:
    found = drained("10m", engine={"type": kind})
    command = found["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:2] == ["python3", "/modelberth/drain.py"]
    options = dict(zip(command[2::2], map(int, command[3::2]), strict=True))
    assert options == {"--port": ENGINES[kind].port, "--pause": 5, "--limit": 600}
    assert found["terminationGracePeriodSeconds"] == 5 + 600 + 10


def test_a_first_process_heeds_sigterm_from_the_start() -> None:
    assert pod(LLAMA_CPP)["shareProcessNamespace"] is True
    assert "shareProcessNamespace" not in pod({})


@pytest.mark.parametrize(("written", "seconds"), [("0s", "0"), ("45s", "45"), ("1h30m", "5400")])
def test_the_drain_has_the_time_that_the_spec_gives_it(written: str, seconds: str) -> None:
    vllm = drained(written)["containers"][0]["args"]
    assert vllm[vllm.index("--shutdown-timeout") + 1] == seconds
    found = drained(written, **LLAMA_CPP)
    (relay,) = (one for one in found["initContainers"] if one["name"] == "relay")
    assert relay["args"][relay["args"].index("--drain-limit") + 1] == seconds
    assert found["terminationGracePeriodSeconds"] == 15 + int(seconds)


def test_a_middleware_of_the_spec_stands_beside_ours() -> None:
    args = engine({"engine": {"type": "vLLM", "args": ["--middleware", "mine.Logging"]}})["args"]
    given = [value for flag, value in pairwise(args) if flag == "--middleware"]
    assert given == ["modelberth_drain.Drain", "mine.Logging"]


@pytest.mark.parametrize("kind", PYTHON)
def test_a_pre_stop_of_the_pod_template_takes_the_place_of_ours(kind: EngineType) -> None:
    own = {"exec": {"command": ["sleep", "1"]}}
    template = {"spec": {"containers": [{"name": "engine", "lifecycle": {"preStop": own}}]}}
    assert engine({"engine": {"type": kind}, "podTemplate": template})["lifecycle"] == {"preStop": own}
