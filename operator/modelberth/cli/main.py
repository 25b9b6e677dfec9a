"""The command `modelberth`."""

import argparse
import os
import sys

from modelberth.cli import crds, fetch, operator, render

DESCRIPTION = """\
Modelberth serves large language models on Kubernetes.

Apply a ModelDeployment, get an OpenAI-compatible URL. These commands run the operator, and show what it would do.
"""

COMMANDS = (render, crds, operator, fetch)

BROKEN_PIPE = 128 + 13
"""As a shell reports a program that SIGPIPE ended."""


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a ModelDeployment is invalid."""
    parser = argparse.ArgumentParser(
        prog="modelberth", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    args = parser.parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # `modelberth render ... | head`: the reader has what it wanted. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


if __name__ == "__main__":
    sys.exit(main())
