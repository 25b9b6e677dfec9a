"""What the engines' own parsers say, asked inside the engine images."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images import shell

_SCRIPTS = Path(__file__).parent / "inside"


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
    """Asks the parser of ``vllm`` or ``sglang``."""
    script = (_SCRIPTS / f"{engine}_parser.py").read_text()
    answer = shell.run(engine, ["python3", "-c", script], json.dumps([list(line) for line in command_lines]))
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
    """What llama-server prints for each command line, in one run of a shell."""
    mark = "=== next command line ==="
    script = "".join(f"echo {shlex.quote(mark)}\n{shlex.join(line)} 2>&1 || true\n" for line in command_lines)
    return tuple(shell.run("llama-cpp", ["sh"], script).split(mark + "\n")[1:])
