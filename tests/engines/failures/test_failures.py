"""Every reason is read from what engines really wrote, whole or in part, and none from a start that succeeded."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import EngineType
from modelberth.engines.failures import Amounts, read
from modelberth.engines.failures.reading import MAX_LINE, MAX_LINES, TABLES
from modelberth.hooks.words import KILLED, Words
from tests.engines.failures.samples import FOLDER, OUTPUTS, QUOTES, SAMPLES, Sample, name_of

TAIL = 2048
"""Characters of a log that the kubelet keeps for a container without a termination message."""


def words(sample: Sample) -> str:
    kept = Words()
    kept.feed(1, sample.text.encode())
    return kept.text()


def reason(engine: EngineType, text: str) -> str | None:
    failure = read(engine, text)
    return None if failure is None else failure.reason


def test_the_index_names_every_file() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.txt")}
    assert files == {sample.name for sample in OUTPUTS}


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_the_reason_of_an_output(sample: Sample) -> None:
    assert reason(sample.engine, sample.text) == sample.reason


@pytest.mark.parametrize("sample", [sample for sample in OUTPUTS if sample.engine != "LlamaCpp"], ids=name_of)
def test_the_reason_of_the_words_that_run_py_keeps(sample: Sample) -> None:
    assert reason(sample.engine, words(sample)) == sample.reason


@pytest.mark.parametrize("sample", [sample for sample in OUTPUTS if sample.engine == "LlamaCpp"], ids=name_of)
def test_the_end_of_a_log_is_enough_where_there_is_no_wrapper(sample: Sample) -> None:
    assert reason(sample.engine, sample.text[-TAIL:]) == sample.reason


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_what_is_told(sample: Sample) -> None:
    failure = read(sample.engine, sample.text)
    if failure is None:
        return
    assert 1 <= len(failure.lines) <= MAX_LINES
    assert all(line and len(line) <= MAX_LINE for line in failure.lines)
    assert "spec." in failure.advice or "driver" in failure.advice


@pytest.mark.parametrize("sample", [sample for sample in QUOTES if sample.amounts], ids=name_of)
def test_amounts(sample: Sample) -> None:
    failure = read(sample.engine, sample.text)
    assert failure is not None
    told = {
        name: getattr(failure.amounts, name) for name in ("needed_gib", "available_gib", "total_gib", "max_model_len")
    }
    assert {name: value for name, value in told.items() if value is not None} == pytest.approx(sample.amounts, rel=1e-3)


@pytest.mark.parametrize("engine", ["vLLM", "SGLang"])
def test_the_kernel_s_verdict_stands_above_the_engine_s(engine: EngineType) -> None:
    assert reason(engine, f"{KILLED}\ntorch.OutOfMemoryError: CUDA out of memory.") == "OutOfMemory"


def test_by_how_much_it_was_too_little() -> None:
    assert Amounts(needed_gib=24.0, available_gib=3.18).short_gib == pytest.approx(20.82)
    assert Amounts(needed_gib=1.0, available_gib=1.5).short_gib == 0.0
    assert Amounts(needed_gib=1.0).short_gib is None
    assert not Amounts()
    assert Amounts(max_model_len=0)


UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
AMOUNTS = st.tuples(st.floats(0, 9999).map(lambda number: round(number, 2)), st.sampled_from(sorted(UNITS)))


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_amounts_of_any_size_are_read_back(
    needed: tuple[float, str], total: tuple[float, str], free: tuple[float, str]
) -> None:
    said = [f"{number:.2f} {unit}" for number, unit in (needed, total, free)]
    text = f"Tried to allocate {said[0]}. GPU 0 has a total capacity of {said[1]} of which {said[2]} is free."
    failure = read("vLLM", f"CUDA out of memory. {text}")
    assert failure is not None
    amounts = [failure.amounts.needed_gib, failure.amounts.total_gib, failure.amounts.available_gib]
    assert amounts == pytest.approx([number * UNITS[unit] / 2**30 for number, unit in (needed, total, free)])


@given(st.sampled_from(sorted(TABLES)), st.text(max_size=400))
def test_any_text_is_read_without_harm(engine: EngineType, text: str) -> None:
    failure = read(engine, text)
    assert failure is None or failure.lines


@given(st.sampled_from([sample for sample in QUOTES if sample.reason]), st.text(string.printable, max_size=200))
def test_noise_around_it_changes_nothing(sample: Sample, noise: str) -> None:
    quiet = "".join(character if character not in "\r\x1b" else " " for character in noise)
    assert reason(sample.engine, f"{quiet}\n{sample.text}\n{quiet}") in (sample.reason, reason(sample.engine, quiet))
