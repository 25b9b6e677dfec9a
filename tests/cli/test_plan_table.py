"""-o table: what people see, on a terminal and in a pipe."""

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.cli.plan.bar import EXCESS, NOT_USED, cells
from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.table import PLAIN_WIDTH, print_all
from modelberth.planner.plan import PerGpu
from tests.cli.command import documents
from tests.cli.judged import FAILING, FITTING, UNJUDGED, compared, invalid, judged
from tests.cli.plans import TOO_LONG, llama, on, plan

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


class Terminal(io.StringIO):
    """Looks like one to whoever asks."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment of the tests says of colours and width does not count."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(*answers: Judged, to: io.StringIO | None = None) -> str:
    out = to or io.StringIO()
    print_all(list(answers), out)
    return out.getvalue()


def test_a_model_that_fits() -> None:
    assert printed(judged(FITTING)).splitlines() == [
        "a: fits",
        "  vLLM 0.32.0 on NVIDIA-L4, 1 GPU per replica",
        "  [#########################################aaaokkkkkkkkkk.....] 22.00 GiB",
        "  # weights 15.00  a activation 1.00  o overhead 0.50  k KV cache 3.50",
        "  . not used 2.00",
        "  KV cache of a replica: 28,672 tokens, 7.00 requests of 4,096 tokens at once",
    ]


def test_one_that_does_not_and_what_would() -> None:
    lines = printed(judged(FAILING)).splitlines()
    assert lines[0] == "a: does not fit"
    assert lines[-4:] == [
        "  spec.maxModelLen: one request needs 16.00 GiB, 3.50 GiB is left",
        "  fits with maxModelLen: 28672: 28,672 tokens, 1.00 requests at once",
        "  fits with quantization: fp8 (8.5 GiB of weights per GPU): 140,000 tokens, 1.07",
        "  requests at once",
    ]


def test_more_than_the_gpu_holds_is_drawn_beyond_it() -> None:
    over = replace(FAILING, per_gpu=PerGpu(12.0, 10.8, 15.0, 1.0, 0.5, 0.0))
    out = printed(judged(over))
    bar = next(line for line in out.splitlines() if line.startswith("  ["))
    assert bar.endswith("!!!!] 12.00 GiB")
    assert "! too much 5.70" in out
    assert "not used" not in out


def test_too_much_is_what_the_message_says_it_is() -> None:
    """gpuMemoryUtilization is the bound, not the whole GPU."""
    beyond = replace(FAILING, per_gpu=PerGpu(20.0, 18.0, 17.0, 1.0, 1.0, 0.0))
    out = printed(judged(beyond))
    bar = next(line for line in out.splitlines() if line.startswith("  ["))
    assert bar == f"  [{'#' * 51}{'a' * 3}{'!' * 3}{'.' * 3}] 20.00 GiB"
    assert "! too much 1.00" in out
    assert ". not used 1.00" in out


@pytest.mark.parametrize(
    "engine", [{"type": "vLLM"}, {"type": "SGLang"}, {"type": "LlamaCpp"}], ids=lambda engine: str(engine["type"])
)
def test_the_bar_agrees_with_the_message(tmp_path: Path, engine: dict[str, str]) -> None:
    resource = on("Tesla-T4", engine=engine, maxModelLen=4096)
    out = " ".join(plan(tmp_path, resource).out.split())
    said = re.search(r"! too much ([0-9.]+)", out)
    assert said
    assert f"{said[1]} GiB" in out


def test_invalid_and_not_judged() -> None:
    assert printed(invalid(), judged(UNJUDGED)).splitlines() == [
        "bad: invalid",
        "  spec.maxModelLen: must be positive",
        "",
        "a: not judged",
        "  vLLM 0.32.0 on NVIDIA-L4, 1 GPU per replica",
        "  spec.gpu.type: Unheard-of is not in the catalogue",
    ]


def test_what_was_assumed_is_said() -> None:
    guessed = replace(FITTING, estimated=True, assumed=("the architecture is not known",))
    out = printed(judged(guessed))
    assert out.startswith("a: fits (estimated)\n")
    assert out.endswith("  assumed: the architecture is not known\n")


def test_a_comparison_names_every_gpu_in_full() -> None:
    rows = (
        compared("NVIDIA-L4", FAILING, 2),
        compared("NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition", UNJUDGED, None),
        compared("NVIDIA-H200", FITTING, 1),
    )
    table = printed(judged(FITTING, compared=rows)).split("\n\n")[1].splitlines()
    assert [line.split() for line in table if "yes" in line or "no " in line] == [
        ["NVIDIA-L4", "22.03", "no", "28,672", "0.22", "2"],
        ["NVIDIA-H200", "139.80", "yes", "28,672", "7.00", "1"],
    ]
    folded = "".join(line[:40].strip() for line in table)
    assert "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition" in folded


def everything() -> Iterator[Judged]:
    yield judged(FITTING)
    yield judged(FAILING, compared=(compared("NVIDIA-L4", FAILING, 2),))
    yield judged(UNJUDGED)
    yield invalid("is \x1b[31mred\x07 [bold]and[/bold] :smile:")


def test_a_pipe_gets_plain_text_of_80_columns() -> None:
    out = printed(*everything())
    assert "\x1b" not in out
    assert out.isascii()
    assert max(map(len, out.splitlines())) <= PLAIN_WIDTH
    assert not [line for line in out.splitlines() if line != line.rstrip() and "NVIDIA" not in line]


def test_a_wish_for_colours_is_honoured_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE.search(printed(*everything()))


def test_what_users_wrote_is_shown_as_they_wrote_it() -> None:
    out = printed(invalid("is \x1b[31mred\x07 [bold]and[/bold] :smile:"))
    assert r"is \x1b[31mred\x07 [bold]and[/bold] :smile:" in out


def test_a_terminal_gets_colours_and_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    out = printed(*everything(), to=Terminal())
    assert "█" in out
    assert "─" in out
    assert {"1;32", "1;31"} <= set(ESCAPE.findall(out)), "green for what fits, red for what does not"


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = printed(*everything(), to=Terminal())
    assert "█" in out
    assert {part for code in ESCAPE.findall(out) for part in code.split(";")} <= {"0", "1", "2"}, "bold and dim only"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_command_finds_out_itself(tmp_path: Path, terminal: bool) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(documents(TOO_LONG))
    command = [sys.executable, "-m", "modelberth.cli.main", "plan", "-f", str(file), "--model-config", llama(tmp_path)]
    if not terminal:
        assert b"\x1b" not in subprocess.run(command, capture_output=True, check=False).stdout
        return
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        out = b"".join(read(ours))
        assert process.wait(timeout=60) == 2
    os.close(ours)
    assert b"\x1b[1;31m" in out
    assert "█".encode() in out


def read(terminal: int) -> Iterator[bytes]:
    """Everything until the other end is closed, which Linux tells as an error."""
    with suppress(OSError):
        while content := os.read(terminal, 1 << 16):
            yield content


SIZES = st.lists(st.just(0.0) | st.floats(0.01, 1000), min_size=1, max_size=5).filter(any)


@given(SIZES, st.floats(0.01, 1), st.floats(0.1, 2), st.integers(20, 100))
def test_a_bar_is_as_long_as_asked_and_in_order(amounts: list[float], share: float, filled: float, width: int) -> None:
    parts = {str(index): size for index, size in enumerate(amounts)}
    taken = sum(amounts)
    whole = taken / filled
    bar = cells(parts, whole * share, whole, width)
    assert len(bar) == width
    assert bar == sorted(bar, key=lambda name: (name == NOT_USED, name == EXCESS, name))
    for name, size in ((EXCESS, taken - whole * share), (NOT_USED, whole - taken)):
        assert (name in bar) == (size > 0)
        assert abs(bar.count(name) - max(size, 0) / max(whole, taken) * width) <= len(amounts) + 2
    if taken <= whole * share:
        assert {name for name, size in parts.items() if size > 0} <= set(bar)
        for name, size in parts.items():
            assert abs(bar.count(name) - size / whole * width) <= len(amounts) + 2


def test_an_empty_bar() -> None:
    assert cells({"a": 0.0}, 0.0, 0.0, 10) == []
