"""Owned flags in every spelling that an engine's parser takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.engine_facts import Owned
from modelberth.api.engine_tables import FACTS
from modelberth.api.validation import findings
from tests.api.resources import resource

ARGPARSE = [engine for engine, facts in FACTS.items() if facts.abbreviations]


def refused(engine: str, *args: str) -> list[str]:
    return [str(finding) for finding in findings(resource({"spec.engine.args": list(args)}, engine))]


@pytest.mark.parametrize(
    "arg",
    [
        "--max-model-len",
        "--max-model-len=1",
        "--max_model_len",
        "--max_model_len=1",
        "--max_model-len=1",
        "--max-model",
        "--max_model=1",
        "--max-model-len.x=1",
    ],
)
def test_vllm_max_model_len_names_its_field(arg: str) -> None:
    (message,) = refused("vLLM", arg)
    assert message.startswith("spec.engine.args")
    assert message.endswith("--max-model-len is set by spec.maxModelLen; use that field")


@pytest.mark.parametrize(
    ("engine", "args", "field"),
    [
        ("vLLM", ["-tp", "2"], "spec.parallelism.tensor"),
        ("vLLM", ["-tp=2"], "spec.parallelism.tensor"),
        ("vLLM", ["-q", "awq"], "spec.quantization"),
        ("vLLM", ["-qawq"], "spec.quantization"),
        ("SGLang", ["--tp", "2"], "spec.parallelism.tensor"),
        ("SGLang", ["--tp=2"], "spec.parallelism.tensor"),
        ("SGLang", ["--tensor-parallel", "2"], "spec.parallelism.tensor"),
        ("LlamaCpp", ["-c", "4096"], "spec.maxModelLen"),
        ("LlamaCpp", ["--ctx_size", "4096"], "spec.maxModelLen"),
        ("vLLM", ["--conf", "x.yaml"], "list the arguments here instead"),
    ],
)
def test_short_names_aliases_and_abbreviations(engine: str, args: list[str], field: str) -> None:
    (message,) = refused(engine, *args)
    assert field in message


@pytest.mark.parametrize(
    ("engine", "args"),
    [
        ("vLLM", ["--enable-prefix-caching", "--max-num-batched-tokens=2048", "-O3"]),
        ("vLLM", ["--max-logprobs", "5", "--hf-overrides", '{"a": "--max-model-len"}', "-1", "-"]),
        ("vLLM", ["--hf-overrides.rope_theta=1"]),
        ("SGLang", ["--chunked-prefill-size", "4096"]),
        ("LlamaCpp", ["--threads", "4", "-cb", "--cont-batching", "-ctxcp"]),
    ],
)
def test_flags_that_no_field_owns_pass(engine: str, args: list[str]) -> None:
    assert refused(engine, *args) == []


@pytest.mark.parametrize(
    ("engine", "arg", "field"),
    [
        ("vLLM", "--max_model_len 4096", "spec.maxModelLen"),
        ("vLLM", "-tp 2", "spec.parallelism.tensor"),
        ("LlamaCpp", "-c 4096", "spec.maxModelLen"),
    ],
)
def test_a_flag_and_its_value_in_one_item_name_the_field_at_once(engine: str, arg: str, field: str) -> None:
    split, owned = refused(engine, arg)
    assert "write two items" in split
    assert owned.endswith(f"is set by {field}; use that field")


ALL_OWNED = [(engine, owned) for engine, facts in FACTS.items() for owned in facts.owned_flags]


@given(chosen=st.sampled_from(ALL_OWNED), value=st.sampled_from(["", "=", "=1", "=a b"]), data=st.data())
def test_no_spelling_of_an_owned_flag_passes(chosen: tuple[str, Owned], value: str, data: st.DataObject) -> None:
    engine, owned = chosen
    name = data.draw(st.sampled_from(owned.names))
    if name.startswith("--"):
        name = "--" + "".join(data.draw(st.sampled_from("-_")) if letter == "-" else letter for letter in name[2:])
    assert refused(engine, name + value)


@given(
    chosen=st.sampled_from([(engine, owned) for engine, owned in ALL_OWNED if engine in ARGPARSE]),
    cut=st.integers(min_value=1, max_value=40),
)
def test_no_abbreviation_of_an_owned_flag_passes_unless_it_is_a_flag_itself(
    chosen: tuple[str, Owned], cut: int
) -> None:
    engine, owned = chosen
    prefix = owned.names[0][: 2 + cut]
    known = set(FACTS[engine].flag_prefixes)  # type: ignore[index]
    assert refused(engine, prefix) or prefix in known or len(prefix) < 3


@pytest.mark.parametrize("engine", FACTS)
def test_the_table_knows_every_flag_where_prefixes_count(engine: str) -> None:
    facts = FACTS[engine]  # type: ignore[index]
    assert not facts.abbreviations or len(facts.flag_prefixes) > 100
