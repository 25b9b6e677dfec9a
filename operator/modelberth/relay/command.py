"""``modelberth relay``: what runs beside an engine that keeps its metrics behind the API key and does not drain."""

import argparse
import os
import signal
from typing import Any

from modelberth.relay.drain import Times
from modelberth.relay.engine import Engine
from modelberth.relay.server import Relay

_HELP = "hand out an engine's metrics without its key (what runs beside llama.cpp)"
_DESCRIPTION = """\
Runs in the pod of a llama-server. GET /metrics is the engine's own, asked for with the API key; GET /drain, the engine
container's preStop hook, answers when the engine has nothing left to do. No other path is served.

  modelberth relay --port 9400 --engine-port 8080 --drain-pause 5 --drain-limit 60
"""


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> argparse.ArgumentParser:
    """Adds ``relay`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "relay", help=_HELP, description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="where to listen, on all interfaces")
    parser.add_argument("--engine-port", type=int, required=True, help="where the engine listens")
    parser.add_argument("--drain-pause", metavar="S", type=float, required=True, help="seconds that /drain waits first")
    parser.add_argument(
        "--drain-limit", metavar="S", type=float, required=True, help="seconds that /drain then gives the engine"
    )
    parser.add_argument("--key-file", metavar="FILE", help="file with the engine's API key")
    return parser


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM: by then the engine has ended, and nothing is worth waiting for."""
    with Relay(args.port, Engine(args.engine_port, args.key_file), Times(args.drain_pause, args.drain_limit)) as relay:
        # As process 1 of a container it would ignore SIGTERM otherwise, and hold up the end of the pod.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        relay.serve_forever()
    return 0
