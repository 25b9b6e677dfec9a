"""The command line's files, read so that -o json has something to say of whatever could be read."""

import argparse
from dataclasses import replace

from modelberth.cli.inputs import FAILED, InputError, Inputs, read_inputs
from modelberth.planner.files import ModelFiles


def read(args: argparse.Namespace) -> tuple[Inputs, str | None]:
    """The inputs; with -o json also where nothing but --model-config cannot be read, and why. Raises InputError."""
    _each_once(args.model_config)
    try:
        return read_inputs(args), None
    except InputError as error:
        if args.output != "json" or not args.model_config:
            raise
        inputs = read_inputs(argparse.Namespace(**{**vars(args), "model_config": []}))
        # Standard input can be read only once.
        if not inputs.given:
            raise
        return replace(inputs, files={"": ModelFiles(missing=(str(error),))}), str(error)


def _each_once(values: list[str]) -> None:
    """Raises InputError for two folders of one resource, of which the last would win unsaid."""
    seen: dict[str, str] = {}
    for value in values:
        name, equals, _ = value.partition("=")
        whose = name if equals and "/" not in name else ""
        if whose in seen:
            what = whose or "every resource"
            raise InputError(FAILED, f"--model-config {value}: {what} has a folder already, {seen[whose]}")
        seen[whose] = value
