"""--log-level and --log-format: the same for every command that runs in the cluster."""

from typing import Any


def add_logs(parser: Any) -> None:
    parser.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="least important lines to log (default: info)",
    )
    parser.add_argument(
        "--log-format",
        default="json",
        choices=("json", "text"),
        help="json for machines, text for people (default: json)",
    )
