"""kubectl and helm as functions: arguments in, what they printed out."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from os import environ
from typing import Any, TypeVar

T = TypeVar("T")


class CommandError(AssertionError):
    """The program ended with another status than 0; the message is what it said."""


@dataclass(frozen=True)
class Command:
    """``Command("kubectl")("get", "pods")`` returns what kubectl printed, or raises CommandError."""

    path: str
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *args: str, stdin: str | None = None, timeout: float = 180) -> str:
        done = subprocess.run(
            [self.path, *args],
            input=stdin,
            env={**environ, **self.env},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise CommandError(f"{self.path} {' '.join(args)}: exit {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *args: str) -> Any:
        """The answer to ``args -o json``."""
        return json.loads(self(*args, "-o", "json"))


def wait_until(what: str, look: Callable[[], T | None], timeout_s: float, every_s: float = 0.5) -> T:
    """The first result of ``look`` that is true. Raises AssertionError with ``what`` after ``timeout_s`` seconds."""
    end = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(every_s)
