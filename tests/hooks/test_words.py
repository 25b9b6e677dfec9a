"""Which words are kept of an output, and that the same failure has the same words."""

import time
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.hooks.words import LAST_LINES, LIMIT, MAX_ENTRIES, WINDOW_S, Words, fit, stable
from tests.engines.failures.samples import OUTPUTS, Sample, name_of


def words(text: str, secrets: Sequence[str] = ()) -> str:
    kept = Words(secrets)
    kept.feed(1, text.encode())
    return kept.text()


TRACEBACK = """\
Traceback (most recent call last):
  File "/opt/venv/lib/python3.13/site-packages/vllm/loader.py", line 7, in load
    raise ValueError("not this")
  File "/usr/lib/python3.13/json/decoder.py", line 9, in decode
    raise {0}
{0}: {1}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("(EngineCore pid=77) ERROR 11-24 00:32:06 [core.py:1510] ValueError: no room", "ValueError: no room"),
        ("(EngineCore_DP0 pid=17374) Traceback (most", "Traceback (most"),
        ("(VllmWorker rank=1 pid=24) ERROR 05-10 16:00:15 [multiproc_executor.py:470] x", "x"),
        ("ERROR 04-09 05:39:54 [core.py:390]     raise e", "    raise e"),
        ("[2026-11-24 00:31:57 TP0] Scheduler hit an exception:", "Scheduler hit an exception:"),
        ("[W1124 00:32:05.626551517 utils.cpp:68] Warning: NUMA", "Warning: NUMA"),
        ("[rank0]: KeyError: 'x'", "KeyError: 'x'"),
        ("[rank3]:[E1124 00:32:05.626551517 ProcessGroupNCCL.cpp:616] timeout", "timeout"),
        ("ERROR 01-12 08:36:38 multiproc_worker_utils.py:233] x", "x"),
        ("(RayWorkerWrapper pid=1463574, ip=192.168.10.60) x", "x"),
        ("(1) a file (2) another", "(1) a file (2) another"),
        ("0.00.046.200 E llama_model_load: error", "llama_model_load: error"),
        ('  File "/opt/venv/lib/python3.13/site-packages/vllm/x.py", line 1', '  File "vllm/x.py", line 1'),
        ("<object object at 0x7f00deadbeef> of process 4711, pid=12", "<object object at 0x…> of process …, pid=…"),
        ("at tcp://10.0.0.7:45231 or 10.0.0.7:45231, ip=10.0.0.7", "at tcp://… or …, ip=…"),
        ("on 127.0.0.1:45231 and 127.0.0.1:8000", "on 127.0.0.1:… and 127.0.0.1:8000"),
        ("in /tmp/vllm_dist_7ef4c6fae1154adba162e0dc48631563", "in /tmp/…"),
        ("Value error, no awq [type=value_error, input_value=ArgsKwargs(...), input_type=X]", "Value error, no awq"),
        ("loading:  50%\rloading: 100%", "loading: 100%"),
        # What must stay: amounts, tokens, ports that were chosen, revisions that are named.
        ("Tried to allocate 20.00 MiB. GPU 0 has 23.57 GiB", "Tried to allocate 20.00 MiB. GPU 0 has 23.57 GiB"),
        (
            "failed to allocate CUDA0 buffer of size 151851674624",
            "failed to allocate CUDA0 buffer of size 151851674624",
        ),
        ("max seq len (262144) on http://0.0.0.0:8000", "max seq len (262144) on http://0.0.0.0:8000"),
    ],
)
def test_what_differs_from_one_try_to_the_next_is_taken_out(line: str, said: str) -> None:
    assert stable(line) == said


@given(st.sets(st.text("abc._0", min_size=1, max_size=9), min_size=1), st.randoms())
def test_the_order_of_a_set_is_not_told(names: set[str], random: Random) -> None:
    shuffled = sorted(names)
    random.shuffle(shuffled)
    said = "ValueError: missing {{{}}}"
    assert stable(said.format(", ".join(map(repr, shuffled)))) == said.format(", ".join(map(repr, sorted(names))))


def test_a_set_that_is_cut_off_is_left_out() -> None:
    text = words("ValueError: missing {" + ", ".join(f"'layers.{number}.weight'" for number in range(9999)) + "}")
    assert text == "ValueError: missing {…"


@pytest.mark.parametrize("sample", OUTPUTS, ids=name_of)
def test_what_is_stable_stays_as_it_is(sample: Sample) -> None:
    for line in sample.text.splitlines():
        assert stable(stable(line)) == stable(line)


def test_the_cause_stands_above_what_follows_from_it() -> None:
    core = ["EngineCore failed to start.", *TRACEBACK.format("ValueError", "no room").splitlines()]
    lines = [f"(EngineCore pid=7) ERROR 11-24 00:00:01 [core.py:1] {line}" for line in core]
    after = TRACEBACK.format("RuntimeError", "Engine core initialization failed. See root cause above.")
    assert words("\n".join(lines) + "\n" + after) == "ValueError: no room\n  at vllm/loader.py:7 in load"


def test_where_all_only_follow_the_words_are_theirs() -> None:
    text = words(TRACEBACK.format("RuntimeError", "Engine core initialization failed. See root cause above."))
    assert text.startswith("RuntimeError: Engine core initialization failed.")


def test_processes_that_print_at_the_same_time_are_told_apart() -> None:
    one = [f"(Worker_TP0 pid=1) {line}" for line in TRACEBACK.format("ValueError", "first").splitlines()]
    two = [f"(Worker_TP1 pid=2) {line}" for line in TRACEBACK.format("KeyError", "second").splitlines()]
    mixed = [line for pair in zip(one, two, strict=True) for line in pair]
    assert words("\n".join(mixed)).splitlines() == [
        "ValueError: first",
        "  at vllm/loader.py:7 in load",
        "KeyError: second",
    ]


def test_what_the_engine_raised_stands_above_what_the_server_raised() -> None:
    server = [f"(APIServer pid=1) {line}" for line in TRACEBACK.format("ValueError", "of a client").splitlines()]
    engine = [f"(EngineCore pid=2) {line}" for line in TRACEBACK.format("MemoryError", "no more").splitlines()]
    assert words("\n".join([*server, *engine])).splitlines()[0] == "MemoryError: no more"


def test_what_is_said_many_times_is_told_once() -> None:
    text = words(TRACEBACK.format("ValueError", "no room") * 500)
    assert text == "ValueError: no room\n  at vllm/loader.py:7 in load"


def test_a_message_of_many_lines_stays_together() -> None:
    text = words(TRACEBACK.format("ValueError", "no tokenizer:\n(1) a file\n(2) a converter") + "\nINFO: done\n")
    assert text.splitlines()[:3] == ["ValueError: no tokenizer:", "(1) a file", "(2) a converter"]
    assert "done" not in text


def test_a_message_ends_where_others_speak() -> None:
    # SGLang: the first line has a time before it, the others have not; what follows is another process's.
    said = "[2026-11-24 00:45:32] Scheduler hit an exception: " + TRACEBACK.format("ValueError", "no room")
    middle = "[2026-11-24 00:45:32 TP1] Load weight begin."
    lines = said.splitlines()
    text = words("\n".join([*lines[:3], middle, *lines[3:], "[2026-11-24 00:45:32] error: of another"]))
    assert text.splitlines() == ["ValueError: no room", "  at vllm/loader.py:7 in load", "error: of another"]


def test_old_errors_of_clients_did_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    kept = Words()
    kept.feed(1, TRACEBACK.format("ValueError", "a bad request").encode() + b"INFO: on\n")
    now += WINDOW_S + 1
    kept.feed(1, TRACEBACK.format("MemoryError", "no more").encode())
    assert kept.text() == "MemoryError: no more\n  at vllm/loader.py:7 in load"


def test_errors_without_a_traceback() -> None:
    assert words("usage: vllm [-h]\nvllm: error: unrecognized arguments: --x\n") == (
        "vllm: error: unrecognized arguments: --x"
    )
    assert words("INFO: up\nFatal Python error: Segmentation fault\n") == "Fatal Python error: Segmentation fault"


def test_errors_of_what_is_not_python() -> None:
    said = (
        "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: out of memory\nINFO: x\n"
    )
    assert words(said).splitlines() == said.splitlines()[:2]
    said = "thread '<unnamed>' panicked at src/lib.rs:1:1:\n"
    assert words(f"INFO: x\n{said}") == said.strip()


def test_the_last_lines_where_there_is_no_error() -> None:
    text = words("".join(f"line {number}\n" for number in range(1000)))
    assert text.splitlines() == [f"line {number}" for number in range(1000 - LAST_LINES, 1000)]


def test_what_is_known_besides_stands_first_and_makes_the_last_lines_needless() -> None:
    kept = Words()
    kept.feed(1, b"loading\n")
    assert kept.text(known=["killed"]) == "killed"
    kept.feed(2, b"error: a worker is gone\n")
    assert kept.text(known=["killed"]) == "killed\nerror: a worker is gone"


def test_secrets_are_not_told() -> None:
    said = "error: no access with hunter2-token, Bearer abc.def hf_" + "a" * 30 + " https://me:pass@host/x"
    assert words(said, secrets=["hunter2-token", "x"]) == (
        "error: no access with ***, Bearer *** *** https://***@host/x"
    )


def test_memory_is_bounded() -> None:
    kept = Words()
    for number in range(200):
        kept.feed(1, TRACEBACK.format("ValueError", f"number {number} is {'x' * 9000}").encode())
    kept.feed(1, b"y" * 1_000_000)
    assert len(kept._entries) <= MAX_ENTRIES
    assert sum(len(line) for line in kept._last) + sum(len(rest) for rest in kept._rests.values()) < 500_000
    assert len(kept.text().encode()) <= LIMIT


@given(st.sampled_from(OUTPUTS), st.lists(st.integers(0, 30_000), max_size=20))
def test_how_the_output_is_cut_into_pieces_does_not_matter(sample: Sample, cuts: list[int]) -> None:
    output = sample.text.encode()
    edges = [0, *sorted(cuts), len(output)]
    kept = Words()
    for start, end in pairwise(edges):
        kept.feed(1, output[start:end])
    assert kept.text() == words(sample.text)


@given(st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=200)), max_size=20), st.integers(0, 4000))
def test_any_output_gives_a_text_that_fits(chunks: list[tuple[int, bytes]], limit: int) -> None:
    kept = Words()
    for stream, chunk in chunks:
        kept.feed(stream, chunk + b"Error: \xff\n")
    assert len(kept.text(limit).encode()) <= limit


@given(st.text("/.: x0@[=-", min_size=1, max_size=12).map(lambda part: part * 400))
def test_long_lines_take_no_longer_than_others_of_their_length(line: str) -> None:
    assert stable(stable(line)) == stable(line)
    assert len(words(f"error: {line}").encode()) <= LIMIT


@given(st.lists(st.text(max_size=1000)), st.integers(0, 4000))
def test_whole_lines_are_taken(lines: list[str], limit: int) -> None:
    text = fit(lines, limit)
    assert len(text.encode("utf-8", "replace")) <= limit
    assert all(len(line) <= 1000 for line in text.splitlines())


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_the_same_failure_of_a_real_engine_has_the_same_words(engine: str) -> None:
    outputs = {sample.name: sample.text for sample in OUTPUTS}
    first, again = outputs[f"{engine}/truncated.txt"], outputs[f"{engine}/truncated-again.txt"]
    assert len(set(first.splitlines()) ^ set(again.splitlines())) > 20
    assert words(first) == words(again)
