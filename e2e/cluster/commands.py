"""Runs a program to its end; its failure becomes an error that shows what the program said."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e.cluster.interface import ClusterError

TAIL = 20
"""Lines of a failed program's output worth showing."""


def tail(text: str, lines: int = TAIL) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    timeout: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Stdout of `argv`. Raises ClusterError when it is not there, fails, or takes longer than `timeout` seconds."""
    words = [str(word) for word in argv]
    shown = " ".join(words)
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, env=environ)
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed; needed for: {shown}") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"no answer within {timeout:.0f} s: {shown}") from error
    if done.returncode != 0:
        raise ClusterError(f"exit {done.returncode}: {shown}\n{tail(done.stderr or done.stdout)}")
    return done.stdout


def succeeds(argv: Sequence[str | Path], *, timeout: float = 10.0) -> bool:
    """Whether `argv` is there and exits 0 within `timeout` seconds."""
    try:
        run(argv, timeout=timeout)
    except ClusterError:
        return False
    return True
