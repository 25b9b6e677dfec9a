"""What `status` and `diagnose` share: options, the way to the cluster, exit codes."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from modelberth.cli.inputs import printable, tell

WELL, NOT_WELL, UNREACHABLE = 0, 1, 4
INTERRUPTED = 128 + 2
"""As a shell reports a program that Ctrl-C ended."""

EXIT_CODES = """\
Exit codes: 0 it is Ready, of the newest spec, and nothing is wrong; 1 it is not, or something is (an older revision
may serve all the same); 2 wrong usage; 4 there is no such resource, or the API server cannot be asked.
"""

CONNECTION = """\
It reads what your kubeconfig lets you read, and writes nothing. The namespace is that of the context.
"""


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """As kubectl names them."""
    parser.add_argument("-n", "--namespace", help="namespace (default: that of the context)")
    parser.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig (default: KUBECONFIG, else ~/.kube/config)")
    parser.add_argument("--context", help="context of the kubeconfig (default: the current one)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format (default: text)")


def print_json(record: Any) -> None:
    """For machines."""
    json.dump(record, sys.stdout, indent=2)
    print()


def asked(ask: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Runs it; the exit code. Says why where the cluster, or the resource, is not there."""
    # Imported here: the API client takes half a second.
    from modelberth.cli.story.reader import MissingError
    from modelberth.ports.kube import ApiError

    try:
        return asyncio.run(ask())
    except MissingError as error:
        tell(printable(str(error)))
    except KeyboardInterrupt:
        return INTERRUPTED
    except ApiError as error:
        tell(printable(f"the API server cannot be asked: {error.message}"))
    return UNREACHABLE
