"""`modelberth` in this process: exit code and what it printed."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import yaml

from modelberth.cli.main import main


@dataclass(frozen=True)
class Done:
    """How the command ended."""

    code: int
    out: str
    err: str

    @property
    def manifests(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all(self.out))


def modelberth(*args: str, stdin: str = "") -> Done:
    """Runs the command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), patch("sys.stdin", io.StringIO(stdin)):
        try:
            code = main(list(args))
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


def documents(*resources: dict[str, Any]) -> str:
    """The resources as one file, a line each; JSON leaves no doubt about what is a string."""
    return "\n---\n".join(map(json.dumps, resources))


def kinds(done: Done) -> Iterator[tuple[str, str]]:
    """Kind and name of every manifest."""
    return ((manifest["kind"], manifest["metadata"]["name"]) for manifest in done.manifests)
