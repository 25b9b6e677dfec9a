"""The command: options, what is asked before anything is deleted, and exit codes."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from modelberth.cli.cache.cluster import PruneWish, Runner, prune, show
from modelberth.cli.cache.folder import listed, pruned
from modelberth.cli.cache.place import Claim, NodePath, Place
from modelberth.cli.cache.problem import CacheProblem
from modelberth.cli.cache.rows import Row, removable, table
from modelberth.cli.inputs import FAILED, printable, tell
from modelberth.fetcher.progress import gib
from modelberth.fetcher.prune import RECENT_S, Pruning

DESCRIPTION = """\
Show what a cache of weights (spec.weights.cache) holds, and delete what nobody uses.

With your kubeconfig, from anywhere: a short pod looks at the volume, and is deleted afterwards. What Deployments and
pods use is read from their own manifests; it is never deleted, nor what a fetch touched in the last minutes.

  modelberth cache list -n models --claim llama3-weights
  modelberth cache prune -n models --claim llama3-weights --dry-run
  modelberth cache prune -n models --claim llama3-weights
  modelberth cache list -n models --host-path /var/lib/weights --node gpu-1

Where the cache is mounted, without a cluster, you say what is to stay:

  modelberth cache list --dir /cache
  modelberth cache prune --dir /cache --keep 'Qwen--Qwen3-0.6B--*'

With --claim it needs these permissions in the namespace: list Deployments and Pods; create, get and delete Pods; get
pods/log. With --host-path, list Deployments and Pods of the whole cluster, and a namespace whose Pod Security allows
hostPath volumes (-n).
"""


def add_parser(commands: Any) -> None:
    """Adds the command to the subcommands of `modelberth`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "cache", help="show caches of weights, delete what nobody uses", description=DESCRIPTION, formatter_class=raw
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = actions.add_parser("list", help="show what is in a cache, and who uses it")
    _add_place(listing)
    listing.set_defaults(run=lambda args: _run(args, _list))
    pruning = actions.add_parser("prune", help="delete what nobody uses")
    _add_place(pruning)
    _add_pruning(pruning)
    pruning.set_defaults(run=lambda args: _run(args, _prune))


def _add_place(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--dir", metavar="DIR", type=Path, help="the cache, mounted here")
    where.add_argument("--claim", metavar="NAME", help="a PersistentVolumeClaim of --namespace")
    where.add_argument("--host-path", metavar="PATH", help="a directory of --node")
    parser.add_argument("--node", metavar="NAME", help="the node of --host-path")
    parser.add_argument("-n", "--namespace", default="default", help="where the pod runs that looks (default: default)")
    parser.add_argument("--image", help="image of that pod (default: that of the fetchers which use the cache)")
    parser.add_argument("--json", action="store_true", help="print a list of objects, in one line")


def _add_pruning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        metavar="ENTRY",
        nargs="*",
        help="entries that stay, * stands for anything; needed with --dir, where nobody knows who uses what",
    )
    parser.add_argument(
        "--recent",
        metavar="SECONDS",
        type=float,
        default=RECENT_S,
        help=f"keep what a fetch used within this time (default: {RECENT_S:g})",
    )
    parser.add_argument(
        "--ignore-others",
        action="store_true",
        help="go on although something mounts the cache of which nobody can tell what it uses",
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _run(args: argparse.Namespace, action: Callable[[argparse.Namespace], list[Row]]) -> int:
    # Imported here: `modelberth --help` need not wait for the API client.
    from modelberth.ports.kube import ApiError

    try:
        rows = action(args)
    except OSError as error:
        tell(f"{error.filename or args.dir}: {error.strerror or error}")
    except ApiError as error:
        tell(f"The API server could not be used: {error.message}")
    except CacheProblem as problem:
        tell(str(problem))
    else:
        for line in [json.dumps(rows)] if args.json else table(rows, time.time()):
            print(printable(line))
        return 0
    return FAILED


def _list(args: argparse.Namespace) -> list[Row]:
    return listed(args.dir) if args.dir else _in_cluster(args, show)


def _prune(args: argparse.Namespace) -> list[Row]:
    if args.dir and args.keep is None:
        raise CacheProblem("With --dir, say what is to stay: --keep ENTRY ... (--keep alone: nothing).")
    keep = tuple(args.keep or ())
    if args.dir:
        return pruned(args.dir, Pruning(keep, args.recent, args.dry_run))
    wish = PruneWish(Pruning(keep, args.recent, args.dry_run), args.ignore_others, _consent(args))
    return _in_cluster(args, lambda runner: prune(runner, wish))


def _in_cluster(args: argparse.Namespace, action: Callable[[Runner], Awaitable[list[Row]]]) -> list[Row]:
    from modelberth.cli.cache.runner import CacheRunner
    from modelberth.ports.kube import KubeApi

    place = _place(args)

    async def act() -> list[Row]:
        async with KubeApi() as kube:
            return await action(CacheRunner(kube, place, args.image, tell))

    return asyncio.run(act())


def _place(args: argparse.Namespace) -> Place:
    if args.claim:
        return Claim(args.namespace, args.claim)
    if not args.node:
        raise CacheProblem("--host-path is a directory of a node: name it with --node.")
    return NodePath(args.namespace, args.host_path, args.node)


def _consent(args: argparse.Namespace) -> Callable[[list[Row]], bool] | None:
    """Asks a person; None where nobody is to be asked."""
    if args.yes or args.dry_run:
        return None

    def ask(rows: list[Row]) -> bool:
        for line in table(rows, time.time()):
            tell(printable(line))
        going = removable(rows)
        size = gib(sum(row["bytes"] for row in going))
        print(f"Delete {len(going)} entries with {size}? [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask
