"""Command lines as pairs of flag and value, so that each flag is said once and None is left out."""

from collections.abc import Mapping

Value = str | int | float | bool | None
"""None and False leave the flag out; True gives it without a value."""


def command_line(flags: Mapping[str, Value]) -> tuple[str, ...]:
    """``{"--port": 8000, "--metrics": True, "--seed": None}`` -> ``--port 8000 --metrics``."""
    words: list[str] = []
    for flag, value in flags.items():
        if value is None or value is False:
            continue
        words.append(flag)
        if value is not True:
            words.append(str(value))
    return tuple(words)


def above_one(size: int) -> int | None:
    """A degree of parallelism, left out where it is 1: every engine's default, and older versions lack the flag."""
    return size if size > 1 else None
