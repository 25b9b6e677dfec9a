"""The engine tables as data: versions are found, names are said once, messages help."""

import pytest

from modelberth.api.engine_facts import EngineFacts, Version, names_at
from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType

TAGS: list[tuple[EngineType, str, Version]] = [
    ("vLLM", "vllm/vllm-openai:v0.32.0", (0, 32, 0)),
    ("vLLM", "vllm/vllm-openai:v0.7.3", (0, 7, 3)),
    ("vLLM", "vllm/vllm-openai-cpu:v0.31.0-x86_64", (0, 31, 0)),
    ("vLLM", "host:5000/vllm:0.8.5.post1", (0, 8, 5)),
    ("vLLM", "vllm/vllm-openai:v0.11.0-cu129@sha256:" + "0" * 64, (0, 11, 0)),
    ("SGLang", "lmsysorg/sglang:v0.5.23-xeon", (0, 5, 23)),
    ("SGLang", "lmsysorg/sglang:v0.5.10.post1-cu129", (0, 5, 10)),
    ("SGLang", "sglang:0.5.23", (0, 5, 23)),
    ("LlamaCpp", "ghcr.io/ggml-org/llama.cpp:server-cuda-b11669", (11669,)),
    ("LlamaCpp", "ghcr.io/ggml-org/llama.cpp:server-b4719", (4719,)),
    ("LlamaCpp", "modelberth/llama-cpp-cpu:b11669", (11669,)),
]


@pytest.mark.parametrize(("engine", "image", "version"), TAGS)
def test_the_version_is_read_from_the_tag(engine: EngineType, image: str, version: Version) -> None:
    assert FACTS[engine].version_of(image, None) == (version, True)


@pytest.mark.parametrize("image", ["vllm/vllm-openai", "vllm/vllm-openai:latest", "vllm:nightly-0123abc"])
def test_a_tag_without_version_is_treated_as_the_newest(image: str) -> None:
    assert FACTS["vLLM"].version_of(image, None) == (FACTS["vLLM"].newest, False)


def test_the_version_of_the_spec_wins_over_the_tag() -> None:
    assert FACTS["vLLM"].version_of("mirror/vllm:v0.32.0", "0.20.1") == ((0, 20, 1), True)


@pytest.mark.parametrize(
    ("name", "last", "gone"), [("gguf", (0, 23, 0), (0, 24, 0)), ("bitsandbytes", (0, 27, 1), (0, 28, 0))]
)
def test_quantizations_that_vllm_dropped(name: str, last: Version, gone: Version) -> None:
    quantizations = FACTS["vLLM"].quantizations
    assert name in names_at(quantizations, last)
    assert name not in names_at(quantizations, gone)


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_no_name_stands_twice(facts: EngineFacts) -> None:
    for names in (
        [name for flag in facts.owned_flags for name in flag.names],
        [name for variable in facts.owned_env for name in variable.names],
        [value.name for value in facts.quantizations],
        [value.name for value in facts.kv_cache_dtypes],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_a_refusal_says_what_to_do(facts: EngineFacts) -> None:
    for owned in (*facts.owned_flags, *facts.owned_env):
        assert owned.field.startswith("spec.") or owned.remedy


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_auto_is_always_accepted(facts: EngineFacts) -> None:
    for values in (facts.quantizations, facts.kv_cache_dtypes):
        assert "auto" in names_at(values, ())
