"""`modelberth activator`: runs in the cluster, beside the operator."""

import argparse
import asyncio
import logging
import sys
from typing import Any

from modelberth.cli.logs import add_logs
from modelberth.cli.settings import SettingsError, add_settings, read_settings

DESCRIPTION = """\
Run the activator: it takes in requests of models that are scaled to zero and holds them until a pod answers.

  modelberth activator --log-format text

In a cluster the Helm chart does this. Run as many replicas as you like; each holds what it was sent.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "activator",
        help="hold requests of models that are scaled to zero",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings(parser)
    parser.add_argument(
        "--port", type=int, default=8081, help="port of /healthz, /readyz, /metrics and /held (default: 8081)"
    )
    _add_limits(parser.add_argument_group("what is held at most; beyond: 503 with Retry-After"))
    add_logs(parser)
    parser.set_defaults(run=run)


def _add_limits(group: Any) -> None:
    def add(name: str, default: int, what: str) -> None:
        group.add_argument(name, metavar="N", type=_positive, default=default, help=f"{what} (default: {default})")

    add("--max-requests-per-model", 500, "requests of one model")
    add("--max-requests", 2000, "requests of all models")
    add("--max-bytes-per-model", 64 << 20, "bytes of one model's requests")
    add("--max-bytes", 256 << 20, "bytes of all requests")
    add("--hold", 600, "seconds that a request is held")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def run(args: argparse.Namespace) -> int:
    # Imported here: the API client takes half a second that `modelberth render` need not wait for.
    from modelberth.activator.holding import Limits
    from modelberth.activator.run import Options
    from modelberth.activator.run import run as run_activator
    from modelberth.ports.kube import ApiError
    from modelberth.runtime.logs import configure_logs

    try:
        settings = read_settings(args.config)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    configure_logs(args.log_level, args.log_format)
    limits = Limits(
        args.max_requests, args.max_requests_per_model, args.max_bytes, args.max_bytes_per_model, float(args.hold)
    )
    try:
        asyncio.run(run_activator(Options(args.port, limits, tuple(settings.watch_namespaces))))
    except (ApiError, OSError) as error:
        logging.error("the activator cannot run: %s", error)
        return 1
    return 0
