"""What engines say of their requests: texts that the real engines wrote, of older versions, and of pods that say
anything.

The captures of vLLM (two data-parallel ranks) and SGLang (two, one of them on two GPUs) are whole: their own metric
classes wrote them, with figures that a CPU does not reach. llama-server's is of a busy one.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import EngineType
from modelberth.engines.capacity import MAX_ROW, MAX_ROWS
from modelberth.engines.catalogue import ENGINES
from modelberth.engines.load import MAX_COUNT, Load
from tests.engines.specs import ENGINE_TYPES
from tests.engines.test_capacity import CAPTURES, row

NAMES: dict[EngineType, tuple[str, str]] = {
    "vLLM": ("vllm:num_requests_running", "vllm:num_requests_waiting"),
    "SGLang": ("sglang:num_running_reqs", "sglang:num_queue_reqs"),
    "LlamaCpp": ("llamacpp:requests_processing", "llamacpp:requests_deferred"),
}


def said(engine: EngineType, text: str) -> Load | None:
    return ENGINES[engine].load(text)


def gauges(engine: EngineType, running: object, waiting: object = 0) -> str:
    names = NAMES[engine]
    return row(names[0], running, model_name="m") + row(names[1], waiting, model_name="m")


@pytest.mark.parametrize(
    ("capture", "engine", "load"),
    [
        ("vllm-0.32.0-load.txt", "vLLM", Load(12 + 7, 3, 0.4375, 40 + 5 + 41 + 5 + 2 * 8123)),
        # One rank of data has 12 running on both of its GPUs; one more request waits for its grammar.
        ("sglang-0.5.23-load.txt", "SGLang", Load(12 + 7, 3 + 1, 0.43, 7 + 1)),
        ("llama-cpp-b11669-load.txt", "LlamaCpp", Load(2, 2, None, 81)),
    ],
)
def test_real_texts(capture: str, engine: EngineType, load: Load) -> None:
    assert said(engine, (CAPTURES / capture).read_text(encoding="utf-8")) == load


def test_each_engine_knows_only_its_own_text() -> None:
    for engine in ENGINE_TYPES:
        others = [gauges(other, 1) for other in ENGINE_TYPES if other != engine]
        assert [said(engine, text) for text in others] == [None, None]


def test_no_request_has_ended_yet() -> None:
    """SGLang's counter has no row before its first request."""
    assert said("SGLang", gauges("SGLang", 0)) == Load(0, 0, None, 0.0)


def test_vllm_before_the_new_name_of_the_cache() -> None:
    text = gauges("vLLM", 1) + row("vllm:gpu_cache_usage_perc", 0.5)
    assert said("vLLM", text) == Load(1, 0, 0.5, 0.0)
    both = text + row("vllm:kv_cache_usage_perc", 0.25)
    assert said("vLLM", both) == Load(1, 0, 0.25, 0.0)


def test_sglang_tells_priorities_beside_their_total() -> None:
    text = "".join(
        row(name, value, dp_rank=rank, priority=priority)
        for name in NAMES["SGLang"]
        for rank in (0, 1)
        for priority, value in (("", 5), ("1", 3), ("2", 2))
    )
    assert said("SGLang", text) == Load(10, 10, None, 0.0)


def test_a_name_that_goes_on_is_another() -> None:
    text = gauges("SGLang", 4)
    assert said("SGLang", row("sglang:num_running_reqs_offline_batch", 9) + text) == Load(4, 0, None, 0.0)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", -1, "1e300", "many", "", "0x10", MAX_COUNT * 2])
@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_no_count(engine: EngineType, value: object) -> None:
    assert said(engine, gauges(engine, value)) is None
    assert said(engine, gauges(engine, 0, value)) is None


@pytest.mark.parametrize("engine", ENGINE_TYPES)
def test_both_gauges_are_needed(engine: EngineType) -> None:
    for name in NAMES[engine]:
        assert said(engine, row(name, 1)) is None
    assert said(engine, "") is None


def test_a_usage_beyond_all_is_all_and_none_is_left_out() -> None:
    text = gauges("vLLM", 1)
    assert said("vLLM", text + row("vllm:kv_cache_usage_perc", 1.5)) == Load(1, 0, 1.0, 0.0)
    assert said("vLLM", text + row("vllm:kv_cache_usage_perc", "NaN")) == Load(1, 0, None, 0.0)


def test_rows_are_bounded() -> None:
    name, waiting = NAMES["vLLM"]
    many = "".join(row(name, 1, engine=rank) for rank in range(MAX_ROWS))
    assert said("vLLM", many + row(waiting, 0)) == Load(MAX_ROWS, 0, None, 0.0)
    assert said("vLLM", many + row(name, 1, engine="more") + row(waiting, 0)) is None
    assert said("vLLM", row(name, 12, model_name="x" * MAX_ROW) + row(waiting, 0)) is None


def test_labels_may_hold_what_looks_like_labels() -> None:
    text = row("sglang:num_running_reqs", 2, model_name='}9,dp_rank=\\"7\\"', dp_rank=0)
    text += row("sglang:num_running_reqs", 3, model_name="}9", dp_rank=0) + row("sglang:num_queue_reqs", 0)
    assert said("SGLang", text) == Load(3, 0, None, 0.0)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=16), st.integers(1, 8))
def test_any_number_of_ranks(running: list[int], gpus: int) -> None:
    of_vllm = "".join(row(NAMES["vLLM"][0], value, engine=rank) for rank, value in enumerate(running))
    assert said("vLLM", of_vllm + row(NAMES["vLLM"][1], 0)) == Load(sum(running), 0, None, 0.0)
    of_sglang = "".join(
        row(name, value, dp_rank=rank, tp_rank=gpu)
        for name in NAMES["SGLang"]
        for rank, value in enumerate(running)
        for gpu in range(gpus)
    )
    assert said("SGLang", of_sglang) == Load(sum(running), sum(running), None, 0.0)


WORDS = (
    *(f"{name}{{" for names in NAMES.values() for name in names),
    *(f"\n{name} " for names in NAMES.values() for name in names),
    'dp_rank="',
    "} 1",
    "NaN",
    "e9",
)
SIGNS = ('"', "}", "{", ",", "\\", "#", "=", "-", "\n", "\r", "\x85", "\x00")


@given(st.lists(st.sampled_from(WORDS + SIGNS) | st.text(max_size=4)).map("".join), st.sampled_from(ENGINE_TYPES))
def test_no_text_breaks_it(text: str, engine: EngineType) -> None:
    load = said(engine, text)
    if load is not None:
        assert 0 <= load.running <= MAX_ROWS * MAX_COUNT
        assert 0 <= load.waiting <= 2 * MAX_ROWS * MAX_COUNT
        assert load.kv_usage is None or 0 <= load.kv_usage <= 1
        assert load.finished >= 0
