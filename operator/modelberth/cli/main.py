"""The command `modelberth`."""

import argparse
import os
import sys
from importlib import import_module
from typing import NoReturn

DESCRIPTION = """\
Modelberth serves large language models on Kubernetes.

Apply a ModelDeployment, get an OpenAI-compatible URL. These commands run the operator, and show what it would do.
"""

COMMANDS = (
    "plan",
    "render",
    "status",
    "diagnose",
    "crds",
    "operator",
    "activator",
    "fetch",
    "facts",
    "relay",
    "hooks",
    "cache",
)
"""Modules of this package, each with add_parser."""

BROKEN_PIPE = 128 + 13
"""As a shell reports a program that SIGPIPE ended."""


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        # Every command on a line with what it is for: argparse forgets the indentation of the longest.
        self._action_max_length = len("    activator")


class Parser(argparse.ArgumentParser):
    """argparse's own, but a command chooses its exit code of wrong usage."""

    wrong_usage = 2

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        super().exit(self.wrong_usage if status == 2 else status, message)


def main(argv: list[str] | None = None, program: str = "modelberth") -> int:
    """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a ModelDeployment is invalid, 4 the cluster has no answer."""
    given = sys.argv[1:] if argv is None else argv
    args = _parse(given, program)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # `modelberth render ... | head`: the reader has what it wanted. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def plugin() -> int:
    """`kubectl modelberth`: kubectl runs a program named kubectl-modelberth in the PATH.

    https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
    """
    return main(program="kubectl modelberth")


def _parse(given: list[str], program: str) -> argparse.Namespace:
    parser = Parser(prog=program, description=DESCRIPTION, formatter_class=_Help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    # Only the command that was asked for is imported: the hub's client alone takes longer than a plan.
    for command in [name for name in COMMANDS if given[:1] == [name]] or COMMANDS:
        import_module(f"modelberth.cli.{command}").add_parser(commands)
    args, unknown = parser.parse_known_args(given)
    if unknown:
        # Said by the command's own parser: its usage helps, and the exit code is its own.
        commands.choices.get(given[0], parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
