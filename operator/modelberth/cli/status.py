"""`modelberth status`: what the status of a ModelDeployment says, for a person."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelberth.cli.story.command import (
    CONNECTION,
    EXIT_CODES,
    NOT_WELL,
    WELL,
    add_cluster_options,
    asked,
    print_json,
)
from modelberth.cli.story.headline import Raw, headline

if TYPE_CHECKING:
    from modelberth.cli.story.page import Page

WATCH_S = 2.0
"""Seconds between two looks of --watch."""

DESCRIPTION = f"""\
Say how a ModelDeployment is: whether it is Ready, what it serves, what was planned and what the engine says, how far
the download is, what is wrong and what to do. Everything is from the resource's own status; `diagnose` looks further.

  modelberth status llama3-awq
  modelberth status llama3-awq --watch              # until Ctrl-C
  modelberth status                                 # all of the namespace, a line each
  modelberth status -A -o json | jq '.[] | select(.well | not) | .name'

{CONNECTION}
{EXIT_CODES}"""


def add_parser(commands: Any) -> None:
    """Adds the command to the subcommands of `modelberth`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "status",
        help="say how a model in the cluster is",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the ModelDeployment (default: all)")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="list those of all namespaces")
    parser.add_argument("-w", "--watch", action="store_true", help="go on, and show what changes")
    add_cluster_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Prints the story, or the list."""
    if args.name and args.all_namespaces:
        args.parser.error("-A lists; it takes no NAME")
    if args.watch and args.output == "json":
        args.parser.error("--watch is for people: it goes with -o text")
    return asked(lambda: _run(args))


async def _run(args: argparse.Namespace) -> int:
    from modelberth.cli.story.reader import resource_of, resources_of
    from modelberth.ports.user_kube import UserKube

    async with UserKube(args.kubeconfig, args.context) as kube:
        namespace = args.namespace or kube.namespace

        async def look() -> list[Raw]:
            if args.name:
                return [await resource_of(kube, namespace, args.name)]
            return await resources_of(kube, None if args.all_namespaces else namespace)

        if args.watch:
            return await _watch(args, look)
        found = await look()
    if args.output == "json":
        from modelberth.cli.story.record import status_record

        records = [status_record(each) for each in found]
        print_json(records[0] if args.name else records)
    else:
        _told(args, found).print()
    return exit_code(found)


def _told(args: argparse.Namespace, found: list[Raw]) -> "Page":
    """The page with the story, or the list."""
    from modelberth.cli.story.page import page
    from modelberth.cli.story.status_text import tell_list, tell_status

    made = page()
    if args.name:
        tell_status(made, found[0], datetime.now(UTC))
    elif found:
        tell_list(made, found, with_namespace=args.all_namespaces)
    else:
        made.line("No ModelDeployments.")
    return made


def exit_code(resources: list[Raw]) -> int:
    """Whether all are well."""
    return WELL if all(headline(each).well for each in resources) else NOT_WELL


async def _watch(args: argparse.Namespace, look: Callable[[], Awaitable[list[Raw]]]) -> int:
    """Draws it anew on a terminal; in a pipe, once for each change. Until it is interrupted."""
    from rich.live import Live

    from modelberth.cli.story.page import page

    console = page().console
    told: list[Any] = []
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            found = await look()
            versions = [each["metadata"].get("resourceVersion") for each in found]
            if console.is_terminal:
                live.update(_told(args, found).group(), refresh=True)
            elif versions != told:
                _told(args, found).print()
                console.print()
            told = versions
            await asyncio.sleep(WATCH_S)
