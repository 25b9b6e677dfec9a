"""The API server and Python judge every generated spec alike: the same text of a rule holds in both."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from e2e.api.conftest import Server
from modelberth.api.engine_rules import refusal, spellings
from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType
from modelberth.api.validation import RULES, api_server_findings
from tests.api import violations
from tests.api.resources import Changes, Resource, changed, resource, valid_resources
from tests.api.violations import Violation

EXAMPLES = settings(
    max_examples=int(os.environ.get("MODELBERTH_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
RULE_MESSAGES = {rule.message for rule in RULES}


def agree(server: Server, made: Resource) -> None:
    """Both accept, or both refuse and the API server says what the rules say in Python."""
    found = api_server_findings(made)
    refused = server.refusal(made)
    assert (refused is None) == (found == []), f"API server: {refused}\nPython: {[str(each) for each in found]}"
    for finding in found:
        assert finding.message not in RULE_MESSAGES or finding.message in str(refused)


@pytest.mark.parametrize("violation", violations.API_SERVER, ids=str)
def test_each_violation_is_refused_by_both(server: Server, violation: Violation) -> None:
    assert server.refusal(violation.resource) is not None
    agree(server, violation.resource)


@pytest.mark.parametrize("engine", FACTS)
def test_the_api_server_refuses_every_spelling_of_every_owned_flag(server: Server, engine: EngineType) -> None:
    """Each round writes every flag once, in one of its spellings, and must bring every message."""
    flags = FACTS[engine].owned_flags
    forms = [[form for name in spellings(owned.spelled) for form in (name, f"{name}=1")] for owned in flags]
    for turn in range(max(map(len, forms))):
        args = [each[turn % len(each)] for each in forms]
        refused = str(server.refusal(resource({"spec.engine.args": args}, engine)))
        missing = [arg for arg, owned in zip(args, flags, strict=True) if refusal(owned) not in refused]
        assert missing == []


@pytest.mark.parametrize("engine", FACTS)
def test_the_api_server_refuses_every_name_of_every_owned_variable(server: Server, engine: EngineType) -> None:
    variables = FACTS[engine].owned_env
    for turn in range(max(len(owned.names) for owned in variables)):
        env = [{"name": owned.names[turn % len(owned.names)], "value": "1"} for owned in variables]
        refused = str(server.refusal(resource({"spec.engine.env": env}, engine)))
        assert [owned.names[0] for owned in variables if refusal(owned) not in refused] == []


@EXAMPLES
@given(made=valid_resources())
def test_what_python_accepts_the_api_server_accepts(server: Server, made: Resource) -> None:
    assert server.refusal(made) is None


@EXAMPLES
@given(made=valid_resources(), broken=st.lists(st.sampled_from(violations.API_SERVER), min_size=1, max_size=2))
def test_mixtures_of_violations(server: Server, made: Resource, broken: list[Violation]) -> None:
    for violation in broken:
        assume(isinstance(made.get("spec"), dict))
        made = changed(
            made, {**violation.changes, "spec.engine.type": violation.changes.get("spec.engine.type", violation.engine)}
        )
    agree(server, made)


WORDS = st.text("ab0.-_/@%2F:", max_size=12)
FLAGS = sorted({name for facts in FACTS.values() for owned in facts.owned_flags for name in owned.names})
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-2, 5000)
    | st.sampled_from([0.5, 1.0, 4096.0, 1e9])
    | st.text("aA1 .", max_size=4)
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "metadata.name": st.text("ab1.-A", min_size=1, max_size=5) | st.integers(51, 55).map(lambda size: "a" * size),
    "spec.model.uri": st.builds(
        str.__add__, st.sampled_from(["hf://", "hf://o/n", "pvc://", "pvc://c/", "oci://"]), WORDS
    ),
    "spec.engine.args": st.lists(
        st.builds(
            lambda flag, cut, underscore, end: (
                (flag.replace("-", "_") if underscore else flag)[: len(flag) - cut] + end
            ),
            st.sampled_from(FLAGS),
            st.sampled_from([0, 0, 0, 1]),
            st.booleans(),
            st.sampled_from(["", "=", "=1", "x", " 1", ".a"]),
        ).map(lambda flag: flag.replace("__", "--", 1) if flag.startswith("__") else flag),
        max_size=3,
    ),
    "spec.resources.limits": st.dictionaries(
        st.sampled_from(["cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "x.y/z", "mem", "hugepages-2Mi"]),
        st.text("0123.eEmkKMi+-", max_size=5) | SCALARS,
        max_size=2,
    ),
    "spec.quantization": st.sampled_from(["auto", "none", "awq", "gguf", "bitsandbytes", "AWQ", ""]),
    "spec.engine.type": st.sampled_from(["vLLM", "SGLang", "LlamaCpp", "llamacpp"]),
    **{
        path: SCALARS
        for path in (
            "spec.maxModelLen",
            "spec.gpuMemoryUtilization",
            "spec.replicas",
            "spec.parallelism.data",
            "spec.model.trustRemoteCode",
            "spec.model.servedName",
            "spec.gpu.memoryGiB",
            "spec.gpu",
            "spec.resources",
            "spec.podTemplate",
            "spec.podTemplate.spec",
            "spec.engine.env",
            "spec.dtype",
        )
    },
}


@EXAMPLES
@given(made=valid_resources(), data=st.data())
def test_generated_values(server: Server, made: Resource, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=2, unique=True))
    changes: Changes = {path: data.draw(FIELDS[path], label=path) for path in sorted(chosen, key=len, reverse=True)}
    agree(server, changed(made, changes))
