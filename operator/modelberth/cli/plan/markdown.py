"""-o markdown: a comment on a pull request. One table, then the reasons of whatever does not simply fit."""

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from modelberth.cli.capacity import capacity, requests
from modelberth.cli.inputs import printable
from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.what_if import Compared
from modelberth.cli.plan.words import answer, hardware, sizes, title, verdict

MARKER = "<!-- modelberth plan -->"
"""First line, by which a pipeline finds its earlier comment and replaces it."""

_MARKS = {"fits": "✅", "does not fit": "❌", "not judged": "❔", "invalid": "❌"}


def print_all(judged: list[Judged], out: TextIO) -> None:
    """Prints the comment."""
    for line in _lines(judged):
        out.write(line + "\n")


def _lines(judged: list[Judged]) -> Iterator[str]:
    yield from (MARKER, f"### Model plan: {_summary(judged)}", "")
    yield from _table(
        ("Model", "Plan", "GPUs per replica", "Budget of one GPU, GiB", "KV cache of a replica"), map(_row, judged)
    )
    for each in judged:
        yield from _details(each)


def _summary(judged: list[Judged]) -> str:
    """2 fit, 1 does not fit."""
    counts: dict[str, int] = {}
    for each in judged:
        counts[verdict(each)] = counts.get(verdict(each), 0) + 1
    words = {"fits": ("fits", "fit"), "does not fit": ("does not fit", "do not fit")}
    said = (f"{count} {words.get(word, (word, word))[count > 1]}" for word, count in counts.items())
    return ", ".join(said) or "no ModelDeployment"


def _row(judged: Judged) -> tuple[str, ...]:
    word, plan = verdict(judged), judged.plan
    estimated = " (estimated)" if plan and plan.estimated else ""
    budget = ""
    if plan and plan.per_gpu:
        filled = ", ".join(f"{name} {size:.2f}" for name, size in sizes(plan.per_gpu).items())
        budget = f"{plan.per_gpu.total_gib:.2f}: {filled}"
    held = capacity(plan.kv_cache_tokens, plan.max_concurrency, plan.max_model_len) if plan else ""
    count = plan.gpus_per_replica if plan else 0
    where = code(hardware(judged.md.spec)) if judged.md else ""
    return (
        code(title(judged)),
        f"{_MARKS[word]} {word}{estimated}",
        f"{count} x {where}" if count else where,
        budget,
        held,
    )


def _details(judged: Judged) -> Iterator[str]:
    assumed = judged.plan.assumed if judged.plan else ()
    advice = judged.plan.advice if judged.plan else ()
    if judged.findings or assumed or advice:
        yield from ("", f"#### {code(title(judged))}: {verdict(judged)}", "")
    for finding in judged.findings:
        field = f"{code(finding.field)}: " if finding.field else ""
        yield f"- {field}{escaped(finding.message)}"
    for sentence in assumed:
        yield f"- assumed: {escaped(sentence)}"
    if advice:
        yield from ("", "It fits with", "")
    for each in advice:
        yield f"- {code(each.change)}: {capacity(each.kv_cache_tokens, each.max_concurrency, None)}"
    if judged.compared:
        yield from ("", "<details><summary>Every GPU of the catalogue</summary>", "")
        yield from _table(
            ("GPU", "GiB", "Fits", "KV cache tokens", "Requests at once", "Smallest tensor"),
            map(_compared, judged.compared),
        )
        yield from ("", "</details>")


def _compared(each: Compared) -> tuple[str, ...]:
    tokens = each.plan.kv_cache_tokens
    return (
        code(each.gpu.label),
        f"{each.gpu.memory_gib:.2f}",
        answer(each.plan.fits),
        "-" if tokens is None else f"{tokens:,}",
        requests(each.plan.max_concurrency),
        str(each.tensor or "-"),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        # A bar ends a cell, inside of code spans too.
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def code(text: str) -> str:
    """The text as a code span, which backticks would end; empty for no text."""
    return f"`{printable(text).replace('`', chr(39))}`" if text else ""


def escaped(text: str) -> str:
    """The text as text: no markup, no HTML, and nobody is mentioned."""
    text = re.sub(r"([\\\\`*_{}\[\]<>()#!|~&])", r"\\\1", printable(text))
    # An escaped @ still rings somebody's bell; with an invisible space behind it is no name.
    return re.sub(r"([@])(?=\w)", "\\1\u200b", text)
