"""The command lines and tables against the engines' own parsers at the pinned versions, never against typed strings."""

import re
from typing import Any

import pytest

from e2e.install.stage import Stage
from e2e.parsers.reports import ParserReport, llama_server, parser_report
from modelberth.api.engine_facts import EngineFacts, names_at
from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType, Spec
from modelberth.engines import llama_cpp, sglang, vllm
from modelberth.engines.catalogue import ENGINES
from modelberth.engines.engine import Berth
from tests.engines.specs import MODEL_PATH, berth, every_value

pytestmark = pytest.mark.timeout(1800)

IMAGES: dict[EngineType, str] = {"vLLM": "vllm", "SGLang": "sglang"}


def berths(engine: EngineType) -> list[Berth]:
    return [berth(fields) for fields in every_value(engine)]


def launched_args(where: Berth) -> list[str]:
    return list(ENGINES[where.spec.engine.type].launch(where).args)


@pytest.fixture(scope="module", params=IMAGES)
def python_engine(request: pytest.FixtureRequest, platform: Stage) -> tuple[EngineType, ParserReport]:
    """vLLM and SGLang, each asked once: importing them takes a minute."""
    engine: EngineType = request.param
    platform.image(IMAGES[engine])
    return engine, parser_report(IMAGES[engine], [launched_args(where) for where in berths(engine)])


@pytest.fixture(scope="module")
def llama_help(platform: Stage) -> str:
    platform.image("llama-cpp")
    return llama_server([["/app/llama-server", "--help"]])[0]


def expected_by_vllm(where: Berth) -> dict[str, Any]:
    spec = where.spec
    return {
        "model_tag": where.model_path,
        "served_model_name": [where.served_name],
        "trust_remote_code": spec.model.trust_remote_code,
        "dtype": spec.dtype,
        "quantization": vllm.quantization_word(spec.quantization, where.version),
        "max_model_len": spec.max_model_len,
        "max_num_seqs": spec.max_num_seqs,
        "kv_cache_dtype": vllm.KV_CACHE_DTYPE_WORDS.get(spec.kv_cache_dtype, spec.kv_cache_dtype),
        **parallel(spec, "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"),
        **(
            {"gpu_memory_utilization": spec.gpu_memory_utilization}
            if spec.device == "GPU"
            else {"kv_cache_memory_bytes": where.budget.cpu_kv_bytes, "enforce_eager": True}
        ),
    }


def expected_by_sglang(where: Berth) -> dict[str, Any]:
    spec = where.spec
    return {
        "model_path": where.model_path,
        "served_model_name": where.served_name,
        "trust_remote_code": spec.model.trust_remote_code,
        "enable_metrics": True,
        "dtype": spec.dtype,
        "quantization": sglang.quantization_word(spec.quantization, where.version),
        "context_length": spec.max_model_len,
        "max_running_requests": spec.max_num_seqs,
        "kv_cache_dtype": sglang.KV_CACHE_DTYPE_WORDS.get(spec.kv_cache_dtype, spec.kv_cache_dtype),
        **parallel(spec, "tp_size", "pp_size", "dp_size"),
        **(
            {"mem_fraction_static": where.budget.memory_fraction}
            if spec.device == "GPU"
            else {"device": "cpu", "max_total_tokens": where.budget.cpu_kv_tokens}
        ),
    }


def parallel(spec: Spec, tensor: str, pipeline: str, data: str) -> dict[str, int]:
    return {tensor: spec.parallelism.tensor, pipeline: spec.parallelism.pipeline, data: spec.parallelism.data}


EXPECTED = {"vLLM": expected_by_vllm, "SGLang": expected_by_sglang}


def test_the_parser_is_of_the_version_that_the_tables_are_for(python_engine: tuple[EngineType, ParserReport]) -> None:
    engine, report = python_engine
    assert FACTS[engine].version_of("", report.version) == (FACTS[engine].newest, True)


def test_the_parser_reads_what_the_spec_says(python_engine: tuple[EngineType, ParserReport]) -> None:
    engine, report = python_engine
    for where, parsed in zip(berths(engine), report.parsed, strict=True):
        assert "error" not in parsed, (parsed["error"], launched_args(where))
        expected = EXPECTED[engine](where)
        assert {name: parsed[name] for name in expected} == {
            # A field that is not set leaves the engine's own default.
            name: report.defaults[name] if value is None else value
            for name, value in expected.items()
        }


def test_every_owned_flag_exists_with_all_its_spellings(python_engine: tuple[EngineType, ParserReport]) -> None:
    engine, report = python_engine
    assert_owned(FACTS[engine], report.options)


def assert_owned(facts: EngineFacts, options: tuple[tuple[str, ...], ...]) -> None:
    for owned in facts.owned_flags:
        real = {spelling for spellings in options if set(spellings) & set(owned.names) for spelling in spellings}
        assert set(owned.names) == real, f"{facts.type} spells {owned.names[0]} {sorted(real)}"


def test_the_list_of_flags_is_the_parsers(python_engine: tuple[EngineType, ParserReport]) -> None:
    engine, report = python_engine
    real = {spelling for spellings in report.options for spelling in spellings}
    assert set(FACTS[engine].flag_prefixes) == real, "run `python -m e2e.parsers.write_flags`"


def test_the_table_knows_whether_the_parser_takes_abbreviations(
    python_engine: tuple[EngineType, ParserReport],
) -> None:
    engine, report = python_engine
    assert FACTS[engine].abbreviations == report.abbreviations


def test_every_quantization_is_one_that_the_engine_has(python_engine: tuple[EngineType, ParserReport]) -> None:
    engine, report = python_engine
    facts = FACTS[engine]
    word = {"vLLM": vllm.quantization_word, "SGLang": sglang.quantization_word}[engine]
    names = names_at(facts.quantizations, facts.newest)
    assert {said for name in names if (said := word(name, facts.newest))} <= report.quantizations
    assert report.quantizations <= set(names), "the engine knows more than the table"


@pytest.mark.usefixtures("llama_help")
def test_llama_server_takes_every_command_line() -> None:
    lines = [["/app/llama-server", *launched_args(where)] for where in berths("LlamaCpp")]
    keyed = [[*line] for line in lines if "--api-key-file" in line]
    without_key = [without(line, "--api-key-file") for line in lines]
    answers = llama_server(without_key)
    for line, answer in zip(without_key, answers, strict=True):
        assert f"failed to load model, '{MODEL_PATH}'" in answer, (line, answer[-400:])
    # The key file is read while the arguments are parsed, so its absence proves that the flag is understood.
    for answer in llama_server(keyed):
        assert "failed to open file" in answer, answer[-400:]


def without(line: list[str], flag: str) -> list[str]:
    """The line without the flag and its value."""
    if flag not in line:
        return line
    at = line.index(flag)
    return [*line[:at], *line[at + 2 :]]


@pytest.mark.usefixtures("llama_help")
def test_llama_server_refuses_what_it_does_not_know() -> None:
    """The test above would be worth nothing if the server ignored unknown words."""
    answers = llama_server(
        [
            ["/app/llama-server", "--model", MODEL_PATH, "--no-such-flag"],
            ["/app/llama-server", "--mod", MODEL_PATH],
            ["/app/llama-server", "--model", MODEL_PATH, "--cache-type-k", "fp8"],
        ]
    )
    assert all("failed to load model" not in answer for answer in answers)


def options_of(text: str) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """(spellings, variables) of every option in llama-server's --help: ``-m,    --model FNAME   ... (env: NAME)``."""
    blocks = re.split(r"^(?=--?[a-zA-Z])", text, flags=re.MULTILINE)[1:]
    return tuple((spellings_of(block), tuple(re.findall(r"\(env: (\w+)\)", block))) for block in blocks)


def spellings_of(block: str) -> tuple[str, ...]:
    listed = re.match(r"--?[\w.-]+(?:,\s+--?[\w.-]+)*", block)
    return tuple(re.split(r",\s+", listed[0])) if listed else ()


def test_every_owned_flag_of_llama_server_exists_with_all_its_spellings(llama_help: str) -> None:
    assert_owned(FACTS["LlamaCpp"], tuple(spellings for spellings, _ in options_of(llama_help)))


def test_every_variable_of_an_owned_flag_is_owned(llama_help: str) -> None:
    facts = FACTS["LlamaCpp"]
    flags = {name for owned in facts.owned_flags for name in owned.names} | set(facts.config_flags)
    owned_variables = {name for owned in facts.owned_env for name in owned.names}
    owned = [(spellings, variables) for spellings, variables in options_of(llama_help) if flags & set(spellings)]
    assert len(owned) >= len(facts.owned_flags)
    for spellings, variables in owned:
        assert set(variables) <= owned_variables, spellings


def test_every_kv_cache_type_is_one_that_llama_server_has(llama_help: str) -> None:
    match = re.search(r"--cache-type-k TYPE.*?allowed values: ([\w, ]+)", llama_help, re.S)
    assert match is not None
    facts = FACTS["LlamaCpp"]
    words = {llama_cpp.KV_CACHE_DTYPE_WORDS.get(name, name) for name in names_at(facts.kv_cache_dtypes, facts.newest)}
    assert words - {"auto"} == set(match[1].strip().split(", "))
