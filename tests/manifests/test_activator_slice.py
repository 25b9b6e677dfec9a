"""The slice that leads to the activator, and the ports that tell models apart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import V1EndpointSlice

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.activator_slice import activator_slice, free_port
from modelberth.manifests.names import ACTIVATOR_PORTS
from modelberth.manifests.scale import Door
from tests.fakes.resources import model_deployment


def deployment(**spec: Any) -> ModelDeployment:
    return ModelDeployment.model_validate(model_deployment(**spec))


def test_it_belongs_to_the_service_and_to_nobody_elses_controller() -> None:
    made = activator_slice(deployment(), 12345, Door((("10.0.0.2", "b"), ("10.0.0.1", None))))
    V1EndpointSlice.model_validate(made)
    labels = made["metadata"]["labels"]
    assert labels["kubernetes.io/service-name"] == "llama"
    assert labels["endpointslice.kubernetes.io/managed-by"] == "activator.modelberth.dev"
    assert labels["modelberth.dev/modeldeployment"] == "llama"
    assert made["metadata"]["name"] == "llama-activator"
    assert made["ports"] == [{"name": "http", "port": 12345, "protocol": "TCP", "appProtocol": "http"}]
    assert [endpoint["addresses"] for endpoint in made["endpoints"]] == [["10.0.0.1"], ["10.0.0.2"]]
    assert made["endpoints"][1]["nodeName"] == "b"


def test_it_tells_the_activator_the_models_name_and_that_it_has_a_key() -> None:
    door = Door((("fd00::1", None),))
    made = activator_slice(deployment(model={"servedName": "gpt"}, apiKeySecretRef={"name": "keys"}), 10000, door)
    assert made["metadata"]["annotations"] == {"modelberth.dev/served-name": "gpt", "modelberth.dev/api-key": "true"}
    assert made["addressType"] == "IPv6"


@given(st.lists(st.text(min_size=1), max_size=200))
def test_ports_are_unique_and_below_those_that_linux_gives_away(uids: list[str]) -> None:
    taken: set[int] = set()
    for uid in uids:
        port = free_port(uid, taken)
        assert 10_000 <= port < 32_768
        assert port not in taken
        taken.add(port)


def test_the_last_free_port_is_found_and_then_there_is_none() -> None:
    everything = set(ACTIVATOR_PORTS)
    assert free_port("x", everything - {20000}) == 20000
    with pytest.raises(RuntimeError, match="22768 ports"):
        free_port("x", everything)
