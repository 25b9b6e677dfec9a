"""The command `modelberth`."""

import argparse
import sys

from modelberth.cli import crds, fetch, operator, render

DESCRIPTION = """\
Modelberth serves large language models on Kubernetes.

Apply a ModelDeployment, get an OpenAI-compatible URL. These commands run the operator, and show what it would do.
"""

COMMANDS = (render, crds, operator, fetch)


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a ModelDeployment is invalid."""
    parser = argparse.ArgumentParser(
        prog="modelberth", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    args = parser.parse_args(argv)
    code: int = args.run(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
