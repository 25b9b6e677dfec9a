"""-o markdown: a comment on a pull request."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.finding import Finding
from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.markdown import MARKER, code, escaped, print_all
from tests.cli.judged import FAILING, FITTING, UNJUDGED, compared, invalid, judged


def printed(*answers: Judged) -> list[str]:
    out = io.StringIO()
    print_all(list(answers), out)
    return out.getvalue().splitlines()


def test_one_row_for_each_and_nothing_more_for_what_fits() -> None:
    assert printed(judged(FITTING)) == [
        MARKER,
        "### Model plan: 1 fits",
        "",
        "| Model | Plan | GPUs per replica | Budget of one GPU, GiB | KV cache of a replica |",
        "| --- | --- | --- | --- | --- |",
        "| `a` | ✅ fits | 1 x `NVIDIA-L4` | 22.00: weights 15.00, activation 1.00, overhead 0.50, KV cache 3.50, "
        "not used 2.00 | 28,672 tokens, 7.00 requests of 4,096 tokens at once |",
    ]


def test_the_summary_counts() -> None:
    found = printed(judged(FITTING), judged(FITTING), judged(FAILING), invalid(), judged(UNJUDGED))
    assert found[1] == "### Model plan: 2 fit, 1 does not fit, 1 invalid, 1 not judged"


def test_what_does_not_fit_has_its_reasons_and_ways_out() -> None:
    lines = printed(judged(FITTING, name="good"), judged(FAILING))
    assert lines[lines.index("#### `a`: does not fit") :] == [
        "#### `a`: does not fit",
        "",
        "- `spec.maxModelLen`: one request needs 16.00 GiB, 3.50 GiB is left",
        "",
        "It fits with",
        "",
        "- `maxModelLen: 28672`: 28,672 tokens, 1.00 requests at once",
        "- `quantization: fp8 (8.5 GiB of weights per GPU)`: 140,000 tokens, 1.07 requests at once",
    ]


def test_a_comparison_is_folded_away() -> None:
    rows = (compared("NVIDIA-L4", FAILING, 2), compared("NVIDIA-H200", UNJUDGED, None))
    lines = printed(judged(FITTING, compared=rows))
    start = lines.index("<details><summary>Every GPU of the catalogue</summary>")
    assert lines[start + 1] == "", "without an empty line GitHub shows the table as text"
    assert "| `NVIDIA-L4` | 22.03 | no | 28,672 | 0.22 | 2 |" in lines
    assert "| `NVIDIA-H200` | 139.80 | ? | - | - | - |" in lines
    assert lines[-1] == "</details>"


NASTY = "x | y `z` <img src=x> @team [a](http://b) *c* \n# d \x1b[31m &amp;"


def test_what_users_wrote_is_no_markup() -> None:
    found = replace(FAILING, findings=(Finding("spec.model", NASTY, "DoesNotFit"),), advice=())
    lines = printed(invalid(NASTY, name=NASTY), judged(found))
    assert not any("\x1b" in line for line in lines)
    row = next(line for line in lines if line.startswith("| `x"))
    assert row.replace(r"\|", "").count("|") == 6, "a bar in a name makes no column"
    finding = next(line for line in lines if line.startswith("- `spec.model`"))
    assert r"\<img src=x\>" in finding
    assert "@team" not in finding
    assert r"\[a\]\(http://b\)" in finding


@given(st.text(max_size=200))
def test_code_and_text_stay_on_their_line(text: str) -> None:
    assert "\n" not in code(text) + escaped(text)
    assert "\r" not in code(text) + escaped(text)
    assert code(text).count("`") == (2 if text else 0)


@given(st.text(alphabet="ab\\`*_{}[]<>()#!|~&@ ", max_size=50))
def test_every_character_that_means_something_is_escaped(text: str) -> None:
    found = escaped(text).replace("\u200b", "")
    restored = ""
    position = 0
    while position < len(found):
        if found[position] == "\\":
            position += 1
            assert found[position] in "\\`*_{}[]<>()#!|~&"
        else:
            assert found[position] not in "`*_{}[]<>()#!|~&"
        restored += found[position]
        position += 1
    assert restored == text


@pytest.mark.parametrize("text", ["@team", "mail@example.com"])
def test_nobody_is_called(text: str) -> None:
    assert "@\u200b" in escaped(text)
