"""The command: options and exit codes. Answers are made in judging; each format has a file of its own."""

import argparse
import os
import sys
from importlib import import_module
from typing import Any

from modelberth.cli.inputs import FAILED, INVALID, InputError, add_inputs, no_resources, tell
from modelberth.cli.plan.facts import ModelFacts
from modelberth.cli.plan.judging import Judge, Judged
from modelberth.cli.plan.messages import ignored, messages
from modelberth.cli.plan.reading import read
from modelberth.cli.plan.what_if import what_if

DOES_NOT_FIT = 2
MOST_GIB = 4096
"""As spec.gpu.memoryGiB is bounded."""

DESCRIPTION = """\
Say whether every ModelDeployment in a file fits its GPUs, before anything is scheduled: the memory of one GPU (weights,
activations, overhead, KV cache), how many tokens and requests the KV cache holds, and what would fit where it does not.
The operator admits the same file by the same planner.

  modelberth plan -f examples/llama3-awq.yaml
  helm template my-app | modelberth plan -f -                    # other kinds are skipped

Facts of the model come from its own files. From the hub (HF_ENDPOINT, and HF_TOKEN for private repositories), or
offline from a folder that holds config.json and whatever else there is:

  modelberth plan -f model.yaml --model-config ./llama-3-8b
  modelberth plan -f models.yaml --model-config chat=./llama-3-8b --model-config code=./qwen-32b

What if it ran elsewhere?

  modelberth plan -f model.yaml --gpu "RTX 4090"                 # a label of the catalogue, or a name
  modelberth plan -f model.yaml --gpu-memory-gib 47.5
  modelberth plan -f model.yaml --compare                        # every GPU of the catalogue

For pipelines:

  modelberth plan -f model.yaml -o json | jq '.[] | select(.fits == false)'
  modelberth plan -f model.yaml -o markdown > plan.md            # a comment on a pull request

Exit codes: 0 all fit, or it is not known whether they do (standard error says why); 2 one does not fit; 3 one is
invalid, or the file is no YAML of resources; 1 anything else, such as a file that cannot be read or wrong usage.
"""

FORMATS = {"table": "table", "json": "record", "markdown": "markdown"}
"""Modules of this package, each with print_all."""


def add_parser(commands: Any) -> None:
    """Adds the command to the subcommands of `modelberth`."""
    parser = commands.add_parser(
        "plan",
        help="say whether models fit their GPUs, and what would",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # 2 says that something does not fit, and nothing else: pipelines rely on it.
    parser.wrong_usage = FAILED
    add_inputs(parser)
    parser.add_argument("-o", "--output", choices=tuple(FORMATS), default="table", help="format (default: table)")
    parser.add_argument(
        "--gpu", metavar="LABEL", help='plan for this GPU instead: a node label or a name ("NVIDIA-L4", "H100")'
    )
    parser.add_argument(
        "--gpu-memory-gib",
        type=_memory_gib,
        metavar="GIB",
        help="plan for GPUs with this memory instead, in GiB as the driver reports it",
    )
    parser.add_argument("--compare", action="store_true", help="list every GPU of the catalogue beside the plan")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judges every resource, prints the answers, and says the rest on standard error."""
    try:
        inputs, unread = read(args)
        judge = Judge(inputs, ModelFacts(inputs, os.environ), what_if(args.gpu, args.gpu_memory_gib), args.compare)
    except InputError as error:
        tell(str(error))
        return error.code
    judged = [judge.judged(given) for given in inputs.given]
    import_module(f"modelberth.cli.plan.{FORMATS[args.output]}").print_all(judged, sys.stdout)
    if unread is not None:
        tell(unread)
        return FAILED
    if not judged:
        tell(no_resources(args))
        return FAILED
    what_if_gpu = args.gpu is not None or args.gpu_memory_gib is not None or args.compare
    for message in (*messages(judged, in_full=args.output != "table"), *(ignored(judged) if what_if_gpu else ())):
        tell(message)
    return exit_code(judged)


def exit_code(judged: list[Judged]) -> int:
    """An invalid resource says more than one that does not fit."""
    if any(each.invalid for each in judged):
        return INVALID
    return DOES_NOT_FIT if any(each.fits is False for each in judged) else 0


def _memory_gib(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_GIB:
        raise argparse.ArgumentTypeError(f"{text!r} is no memory in GiB, such as 79.2")
    return value
