"""findings(): never crashes, judges at the image's version, and reads resources as the API server does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.finding import INVALID_SPEC, InvalidSpec
from modelberth.api.spec import Device, EngineType
from modelberth.api.validation import api_server_findings, findings, parse, without_nulls
from tests.api.resources import ABSENT, Changes, Resource, resource, valid_resources

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
PATHS = [
    "apiVersion",
    "kind",
    "metadata",
    "metadata.name",
    "metadata.labels",
    "spec",
    "spec.model",
    "spec.model.uri",
    "spec.engine",
    "spec.engine.type",
    "spec.engine.image",
    "spec.engine.args",
    "spec.engine.env",
    "spec.quantization",
    "spec.parallelism",
    "spec.gpu",
    "spec.resources",
    "spec.resources.limits",
    "spec.replicas",
    "spec.podTemplate",
    "spec.podTemplate.metadata",
    "spec.podTemplate.spec",
    "spec.podTemplate.spec.containers",
    "spec.podTemplate.spec.volumes",
    "status",
]


def texts(changes: Changes, engine: str = "vLLM") -> list[str]:
    return [str(finding) for finding in findings(resource(changes, engine))]


@given(path=st.sampled_from(PATHS), value=ANY)
def test_no_value_anywhere_crashes(path: str, value: Any) -> None:
    for finding in findings(resource({path: value})):
        assert finding.message
        assert finding.reason == INVALID_SPEC


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["metadata", "spec", "kind"]), ANY, max_size=4))
def test_no_map_crashes(document: dict[str, Any]) -> None:
    assert findings(document)


@given(valid_resources())
def test_valid_resources_are_valid_and_parse(made: Resource) -> None:
    assert api_server_findings(made) == []
    deployment = parse(made)
    assert deployment.name == "llama3"
    assert parse(deployment.model_dump(by_alias=True, exclude_none=True)) == deployment


def test_null_is_absent_as_for_the_api_server() -> None:
    parsed = parse(resource({"spec.replicas": None, "spec.gpu": None, "spec.resources.limits": {"cpu": None}}))
    assert parsed.spec.replicas == 1
    assert parsed.spec.gpu.resource_name == "nvidia.com/gpu"
    assert parsed.spec.resources.limits == {}


def test_null_stays_where_it_means_removal() -> None:
    spec = {"tolerations": None}
    assert parse(resource({"spec.podTemplate.spec": spec})).spec.pod_template.spec == spec
    assert without_nulls({"a": [None]}) == {"a": [None]}


def test_an_integral_float_is_an_integer() -> None:
    assert parse(resource({"spec.maxModelLen": 4096.0})).spec.max_model_len == 4096


def test_status_never_makes_a_spec_invalid() -> None:
    assert parse(resource({"status": {"fromTheFuture": 1}})).status is None
    parsed = parse(resource({"status": {"url": "http://x"}}))
    assert parsed.status is not None
    assert parsed.status.url == "http://x"


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"metadata.name": ABSENT}, "metadata.name: is required"),
        ({"metadata.name": 1}, "metadata.name: must be a string; put it in quotes"),
        ({"metadata.nmae": "x"}, "metadata.nmae: unknown field; did you mean name?"),
        (
            {"metadata.labels": {"a": 1}},
            "metadata.labels: must be a map of strings; put numbers and booleans in quotes",
        ),
        ({"kind": ABSENT}, "kind: must be ModelDeployment"),
        ({"apiVersion": "modelberth.dev/v2"}, "apiVersion: must be one of 'modelberth.dev/v1alpha1', not"),
    ],
)
def test_the_envelope(changes: Changes, finding: str) -> None:
    (text,) = texts(changes)
    assert text.startswith(finding)


def default_image(engine: EngineType, device: Device) -> str:
    return f"example.com/{engine.lower()}-{device.lower()}:v0.23.0"


@pytest.mark.parametrize(
    ("changes", "engine", "words"),
    [
        ({"spec.quantization": "bitsandbytes"}, "vLLM", "vLLM 0.32.0 does not have bitsandbytes"),
        ({"spec.quantization": "bitsandbytes"}, "vLLM", "or a version before 0."),
        ({"spec.quantization": "gguf"}, "vLLM", "does not have gguf"),
        ({"spec.model.uri": "hf://org/name/a.gguf"}, "vLLM", "does not serve GGUF files; use engine.type LlamaCpp"),
        ({"spec.quantization": "fp8_per_channel", "spec.engine.version": "0.8.0"}, "vLLM", "version from 0.24"),
        ({"spec.kvCacheDtype": "nvfp4", "spec.engine.image": "x:v0.10.0"}, "vLLM", "spec.kvCacheDtype: vLLM 0.10.0"),
    ],
)
def test_support_is_judged_at_the_version_of_the_image(changes: Changes, engine: str, words: str) -> None:
    assert api_server_findings(resource(changes, engine)) == []
    (text,) = texts(changes, engine)
    assert words in text


def test_an_older_image_may_have_what_the_newest_lacks() -> None:
    changes: Changes = {"spec.quantization": "bitsandbytes"}
    assert texts({**changes, "spec.engine.image": "vllm/vllm-openai:v0.10.0"}) == []
    assert texts({**changes, "spec.engine.version": "0.10.0"}) == []
    assert findings(resource(changes), default_image) == []


def test_a_request_above_its_limit_is_refused() -> None:
    changes: Changes = {"spec.resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "1100M"}}}
    (text,) = texts(changes)
    assert text.startswith("spec.resources.requests.memory: 1100M is more than spec.resources.limits.memory (1Gi)")


def test_parse_tells_all_findings_in_one_error() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.foo: unknown field.*spec\.replicas: must be >= 0|replicas.*foo"):
        parse(resource({"spec.replicas": -1, "spec.foo": 1}))
