"""-o table: for people, with the budget of one GPU as a bar. Plain text where it does not go to a terminal."""

from collections.abc import Iterator
from itertools import groupby
from typing import TextIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelberth.api.finding import INVALID_SPEC
from modelberth.cli.capacity import capacity, requests
from modelberth.cli.inputs import printable
from modelberth.cli.plan.bar import EXCESS, NOT_USED, cells
from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.what_if import Compared
from modelberth.cli.plan.words import answer, gpus, hardware, parts, sizes, title, verdict
from modelberth.planner.plan import DOES_NOT_FIT, UNSUPPORTED, PerGpu

PLAIN_WIDTH = 80
"""Columns where it goes to no terminal."""
BAR_WIDTH = 60
INDENT = "  "

_VERDICTS = {"fits": "bold green", "does not fit": "bold red", "not judged": "bold yellow", "invalid": "bold red"}
# Terminal and plain: without colours each part still looks different from its neighbours.
_PARTS = {
    "weights": ("█", "#", "blue"),
    "activation": ("▓", "a", "magenta"),
    "overhead": ("▒", "o", "yellow"),
    "KV cache": ("█", "k", "green"),
    NOT_USED: ("·", ".", "dim"),
    EXCESS: ("▚", "!", "bold red"),
}
_REFUSALS = (INVALID_SPEC, DOES_NOT_FIT, UNSUPPORTED)
"""Reasons of findings; the others are warnings, or say why nothing was judged."""


def print_all(judged: list[Judged], out: TextIO) -> None:
    """Prints a block for each resource."""
    console = Console(file=out, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=out, width=PLAIN_WIDTH, highlight=False, markup=False, emoji=False, color_system=None)
    drawn = console.is_terminal and not console.options.ascii_only
    for index, each in enumerate(judged):
        if index:
            console.print()
        console.print(Text.assemble(*_headline(each)))
        for text in _lines(each, drawn):
            # Not rich's Padding, which fills lines with spaces up to the margin.
            for line in text.wrap(console, console.width - len(INDENT)):
                line.rstrip()
                console.print(Text.assemble(INDENT, line))
        if each.compared:
            console.print()
            console.print(_comparison(each.compared, drawn))


def _headline(judged: Judged) -> Iterator[tuple[str, str] | str]:
    word = verdict(judged)
    yield from ((title(judged), "bold"), ": ", (word, _VERDICTS[word]))
    if judged.fits is not None and judged.plan and judged.plan.estimated:
        yield (" (estimated)", "yellow")


def _lines(judged: Judged, drawn: bool) -> Iterator[Text]:
    if judged.md:
        where = f"{judged.engine} on {hardware(judged.md.spec)}"
        yield Text(", ".join(filter(None, (where, gpus(judged)))), style="dim")
    plan = judged.plan
    if plan and plan.per_gpu:
        yield from _budget(plan.per_gpu, drawn)
    if plan and plan.kv_cache_tokens is not None:
        held = capacity(plan.kv_cache_tokens, plan.max_concurrency, plan.max_model_len)
        yield Text(f"KV cache of a replica: {held}")
    for finding in judged.findings:
        yield Text(printable(str(finding)), style="red" if finding.reason in _REFUSALS else "yellow")
    for assumed in plan.assumed if plan else ():
        yield Text(f"assumed: {printable(assumed)}", style="dim")
    for advice in plan.advice if plan else ():
        held = capacity(advice.kv_cache_tokens, advice.max_concurrency, None)
        yield Text.assemble(("fits with ", "green"), (advice.change, "bold"), f": {held}")


def _budget(per_gpu: PerGpu, drawn: bool) -> Iterator[Text]:
    """The bar of one GPU, and what its parts are in GiB."""
    runs = groupby(cells(parts(per_gpu), per_gpu.budget_gib, per_gpu.total_gib, BAR_WIDTH))
    bar = [_glyph(name, drawn, len(list(run))) for name, run in runs]
    yield Text.assemble("[", *bar, f"] {per_gpu.total_gib:.2f} GiB")
    entries = [Text.assemble(_glyph(name, drawn), f" {name} {size:.2f}") for name, size in sizes(per_gpu).items()]
    # As many to a line as there is room for in 80 columns.
    yield from (Text("  ").join(row) for row in (entries[:4], entries[4:]) if row)


def _glyph(name: str, drawn: bool, count: int = 1) -> tuple[str, str]:
    terminal, plain, style = _PARTS[name]
    return (terminal * count, style) if drawn else (plain * count, "")


def _comparison(compared: tuple[Compared, ...], drawn: bool) -> Padding:
    table = Table(box=box.SIMPLE_HEAD if drawn else None, pad_edge=False, header_style="bold")
    table.add_column("GPU", overflow="fold")
    for column in ("GiB", "fits", "KV tokens", "requests", "tensor"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in compared:
        plan = each.plan
        table.add_row(
            each.gpu.label,
            f"{each.gpu.memory_gib:.2f}",
            Text(answer(plan.fits), style="green" if plan.fits else "red"),
            "-" if plan.kv_cache_tokens is None else f"{plan.kv_cache_tokens:,}",
            requests(plan.max_concurrency),
            str(each.tensor or "-"),
        )
    return Padding(table, (0, 0, 0, len(INDENT)), expand=False)
