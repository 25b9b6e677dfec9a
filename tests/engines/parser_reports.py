"""What the engines' own parsers say, asked inside the engine images or, failing that, where the environment points.

Without the images (`make images`), name programs that run on this machine:
    MODELBERTH_VLLM_PYTHON     Python with vLLM 0.32 (VLLM_TARGET_DEVICE=cpu works without a GPU)
    MODELBERTH_SGLANG_PYTHON   Python with SGLang 0.5.23
    MODELBERTH_LLAMA_SHELL     shell in which /app/llama-server runs, such as "chroot DIR sh"
"""

import importlib
import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPTS = Path(__file__).parent / "inside"
_SHELLS = {
    "vllm": "MODELBERTH_VLLM_PYTHON",
    "sglang": "MODELBERTH_SGLANG_PYTHON",
    "llama-cpp": "MODELBERTH_LLAMA_SHELL",
}
_SECONDS = 600
"""Importing vLLM on a cold disk takes two minutes."""


class NoEngineError(Exception):
    """Neither the image nor a program of the engine is here."""


@dataclass(frozen=True)
class ParserReport:
    """What one Python engine's argparse parser says of itself and of some command lines."""

    version: str
    abbreviations: bool
    options: tuple[tuple[str, ...], ...]
    """The spellings of each option."""
    quantizations: frozenset[str]
    defaults: dict[str, Any]
    parsed: tuple[dict[str, Any], ...]
    """Per command line, its values by name; {"error": text} where the parser refused it."""


def parser_report(engine: str, command_lines: Sequence[Sequence[str]]) -> ParserReport:
    """Asks the parser of ``vllm`` or ``sglang``. Raises NoEngineError."""
    script = (_SCRIPTS / f"{engine}_parser.py").read_text()
    answer = run(engine, ["python3", "-c", script], json.dumps([list(line) for line in command_lines]))
    said = json.loads(answer.strip().splitlines()[-1])
    return ParserReport(
        version=said["version"],
        abbreviations=said["abbreviations"],
        options=tuple(tuple(spellings) for spellings in said["options"]),
        quantizations=frozenset(said["quantizations"]),
        defaults=said["defaults"],
        parsed=tuple(said["parsed"]),
    )


def llama_server(command_lines: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What llama-server prints for each command line, in one run of a shell. Raises NoEngineError."""
    mark = "=== next command line ==="
    script = "".join(f"echo {shlex.quote(mark)}\n{shlex.join(line)} 2>&1 || true\n" for line in command_lines)
    return tuple(run("llama-cpp", ["sh"], script).split(mark + "\n")[1:])


def run(engine: str, command: list[str], text: str) -> str:
    """Standard output of a command in the engine's image (or local program) that reads ``text``."""
    if program := os.environ.get(_SHELLS[engine]):
        local = [*shlex.split(program), *command[1:]]
        environment = {**os.environ, "VLLM_TARGET_DEVICE": "cpu", "SGLANG_USE_CPU_ENGINE": "1", "HOME": "/tmp"}
        return subprocess.run(
            local, input=text, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_SECONDS
        ).stdout
    shell = _images()
    if shell is None or not shell.has(engine):
        raise NoEngineError(f"no image of {engine}: run `make images`, or set {_SHELLS[engine]} ({__name__} tells how)")
    return str(shell.run(engine, command, text))


def _images() -> Any:
    """The module that runs commands in the engine images; None where it cannot be imported."""
    try:
        return importlib.import_module("images.shell")
    except ImportError:
        return None
