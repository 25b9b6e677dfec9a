"""`modelberth operator`: runs in the cluster."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

from modelberth.cli.logs import add_logs
from modelberth.cli.settings import SettingsError, add_settings, read_settings
from modelberth.webhook.options import WebhookOptions

DESCRIPTION = """\
Run the operator. In a cluster the Helm chart does this; outside, it uses your current kubeconfig context.

  modelberth operator --namespace modelberth-system --log-format text

Run as many replicas as you like: one leads (a Lease named modelberth in --namespace), the others wait.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "operator",
        help="run the operator",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings(parser)
    parser.add_argument(
        "--namespace",
        default=os.environ.get("POD_NAMESPACE", "default"),
        help="namespace of the leader Lease (default: POD_NAMESPACE, else default)",
    )
    parser.add_argument("--port", type=int, default=8080, help="port of /healthz, /readyz and /metrics (default: 8080)")
    add_logs(parser)
    _add_autoscaling(parser.add_argument_group("autoscaling"))
    _add_webhook(parser.add_argument_group("admission webhook"))
    parser.set_defaults(run=run)


MAX_SCALE_INTERVAL_S = 30.0
"""Half of scaling.memory.GAP_S: the policy takes longer gaps for an operator that was away."""


def scale_interval(text: str) -> float:
    """Seconds. Raises argparse.ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_SCALE_INTERVAL_S:
        limit = f"above 0 and at most {MAX_SCALE_INTERVAL_S:g}"
        raise argparse.ArgumentTypeError(f"must be a number of seconds {limit}, not {text}")
    return number


def _add_autoscaling(group: Any) -> None:
    group.add_argument(
        "--activator",
        metavar="NAME",
        help="headless Service of the activators in --namespace, which hold requests for models at zero "
        "(default: none, and no model is scaled to zero)",
    )
    group.add_argument(
        "--scale-interval",
        metavar="SECONDS",
        type=scale_interval,
        default=10.0,
        help=f"time between two looks at the load of the engines, at most {MAX_SCALE_INTERVAL_S:g} (default: 10)",
    )


def _add_webhook(group: Any) -> None:
    group.add_argument(
        "--webhook",
        metavar="NAME",
        help="serve it: NAME is that of its Service and Secret in --namespace, and NAME.NAMESPACE that of its "
        "ValidatingWebhookConfiguration (default: no webhook)",
    )
    group.add_argument("--webhook-port", type=int, default=9443, help="port of its HTTPS server (default: 9443)")
    group.add_argument(
        "--webhook-certificates",
        metavar="DIR",
        type=Path,
        help="folder with its tls.crt and tls.key, which somebody else renews (default: make and renew them, and keep "
        "them in the Secret)",
    )


def _webhook(args: argparse.Namespace) -> WebhookOptions | None:
    return WebhookOptions(args.webhook, args.webhook_port, args.webhook_certificates) if args.webhook else None


def run(args: argparse.Namespace) -> int:
    # Imported here: kopf and the API client take half a second that `modelberth render` need not wait for.
    from modelberth.ports.kube import ApiError
    from modelberth.runtime.logs import configure_logs
    from modelberth.runtime.operator import LeaseLostError, Options
    from modelberth.runtime.operator import run as run_operator

    options = Options(args.port, args.namespace, _webhook(args), args.activator, args.scale_interval)
    try:
        settings = read_settings(args.config)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    configure_logs(args.log_level, args.log_format)
    try:
        asyncio.run(run_operator(settings, options))
    except LeaseLostError as error:
        logging.error("%s", error)
        return 1
    except ApiError as error:
        logging.error("the API server could not be used: %s", error.message)
        return 1
    return 0
