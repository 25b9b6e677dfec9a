"""Lines for a terminal or a pipe: labels, paragraphs, tables of text, wrapped to the width there is."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.text import Text

from modelberth.cli.inputs import printable

PLAIN_WIDTH = 100
"""Columns where it goes to no terminal."""
INDENT = 2
LABEL_WIDTH = 13
GAP = "  "


class Page:
    """Collects lines. Whatever it is given is printed as it is: no markup, control characters escaped."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lines: list[Text] = []

    def line(self, *parts: str | tuple[str, str]) -> None:
        """One line at the margin; a part may be (text, style)."""
        self._lines.append(
            Text.assemble(
                *((printable(each[0]), each[1]) if isinstance(each, tuple) else printable(each) for each in parts)
            )
        )

    def heading(self, text: str) -> None:
        """After an empty line."""
        self.space()
        self.line((text, "bold"))

    def space(self) -> None:
        self._lines.append(Text())

    def paragraph(self, text: str, indent: int = INDENT, style: str = "") -> None:
        """Wrapped; line breaks in the text stay."""
        for each in text.splitlines():
            self._wrapped("", Text(printable(each), style=style), indent)

    def row(self, label: str, text: str, style: str = "") -> None:
        """A label, and its text wrapped beside it."""
        head = f"{' ' * INDENT}{label:<{LABEL_WIDTH - 1}} "
        self._wrapped(head, Text(printable(text), style=style), len(head))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as they need to be; the last one is wrapped."""
        for *cells, last in _aligned(rows):
            head = " " * INDENT + "".join(cell + GAP for cell in cells)
            self._wrapped(head, Text(last), len(head))

    def listing(self, rows: Iterable[Sequence[str]], indent: int = 0) -> None:
        """A line for each, as kubectl has it, a header first: cut on a terminal, whole in a pipe."""
        for index, cells in enumerate(_aligned(rows)):
            line = Text(" " * indent + GAP.join(cells), style="" if index else "dim")
            line.rstrip()
            if self.console.is_terminal:
                line.truncate(self.console.width, overflow="ellipsis")
            self._lines.append(line)

    def _wrapped(self, head: str, text: Text, indent: int) -> None:
        # A narrow terminal still gets words, below their label.
        width = max(self.console.width - indent, 20)
        for index, line in enumerate(text.wrap(self.console, width) or [Text()]):
            line.rstrip()
            whole = Text.assemble(head if index == 0 and head else " " * indent, line)
            whole.rstrip()
            self._lines.append(whole)

    def group(self) -> Group:
        """All of it, for rich."""
        return Group(*self._lines)

    def print(self) -> None:
        """Prints all of it."""
        for line in self._lines:
            self.console.print(line, soft_wrap=True)


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    told = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*told, strict=True)]
    for row in told:
        yield [*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)), row[-1]]


def page(out: TextIO | None = None) -> Page:
    """For standard output, unless ``out`` is another: with colours on a terminal, plain elsewhere."""
    out = out or sys.stdout
    console = Console(file=out, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=out, width=PLAIN_WIDTH, highlight=False, markup=False, emoji=False, color_system=None)
    return Page(console)
