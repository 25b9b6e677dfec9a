"""Tracebacks in the logs of the operator's pods, dead ones too: read where kubelet writes them."""

from collections.abc import Iterator
from pathlib import Path

from e2e.install.stage import SYSTEM

SIGN = "Traceback (most recent call last)"
LINES = 30
"""Of a traceback that are shown."""


class Logs:
    """Reads on from where it stands: what was there before is not looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        list(self._new())

    def tracebacks(self) -> list[str]:
        """Those since the last call, each with the file's name."""
        return [f"{file}:\n{found}" for file, text in self._new() for found in tracebacks(text)]

    def _new(self) -> Iterator[tuple[Path, str]]:
        for file in sorted(self._folder.glob(f"{SYSTEM}_modelberth-*/*/*.log")):
            with file.open("rb") as log:
                log.seek(self._read.get(file, 0))
                text = log.read()
            self._read[file] = self._read.get(file, 0) + len(text)
            yield file.relative_to(self._folder), text.decode(errors="replace")


def tracebacks(text: str) -> list[str]:
    """The line before each traceback, which says what failed, and the traceback."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if SIGN in line]
    return ["\n".join(lines[max(0, start - 1) : start + LINES]) for start in starts]
