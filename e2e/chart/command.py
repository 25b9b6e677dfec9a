"""A command-line program as a function: arguments in, standard output out."""

import os
import subprocess
from dataclasses import dataclass, field


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
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise CommandError(f"{self.path} {' '.join(args)}: exit {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout
