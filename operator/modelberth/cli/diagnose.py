"""`modelberth diagnose`: the status of a ModelDeployment, and what a person would look up with ten kubectl calls."""

import argparse
from datetime import UTC, datetime
from typing import Any

from modelberth.cli.status import exit_code
from modelberth.cli.story.command import CONNECTION, EXIT_CODES, add_cluster_options, asked, print_json

DESCRIPTION = f"""\
Tell the whole story of a ModelDeployment: its status, its pods and how their containers ended, the Deployment, Service,
claims and quotas around it, the Events, the last lines of the logs that matter, what is wrong and what to do.

  modelberth diagnose llama3-awq
  modelberth diagnose llama3-awq -c engine          # the last lines of this container, whatever its state
  modelberth diagnose llama3-awq -o json > story.json

{CONNECTION}
What it may not read it says in a line, and goes on. It never reads Secrets, nor the environment of containers; logs are
shown as they were written.

{EXIT_CODES}"""


def add_parser(commands: Any) -> None:
    """Adds the command to the subcommands of `modelberth`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diagnose",
        help="say what is wrong with a model in the cluster",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="of the ModelDeployment")
    parser.add_argument("-c", "--container", help="show the log of this container instead of those that look bad")
    add_cluster_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the story."""
    return asked(lambda: _run(args))


async def _run(args: argparse.Namespace) -> int:
    from modelberth.cli.story.diagnosis_text import tell_diagnosis
    from modelberth.cli.story.page import page
    from modelberth.cli.story.reader import resource_of, seen_around
    from modelberth.cli.story.record import diagnosis_record
    from modelberth.ports.user_kube import UserKube

    async with UserKube(args.kubeconfig, args.context) as kube:
        resource = await resource_of(kube, args.namespace or kube.namespace, args.name)
        seen = await seen_around(kube, resource, args.container)
    now = datetime.now(UTC)
    if args.output == "json":
        print_json(diagnosis_record(seen, now))
    else:
        made = page()
        tell_diagnosis(made, seen, now)
        made.print()
    return exit_code([resource])
