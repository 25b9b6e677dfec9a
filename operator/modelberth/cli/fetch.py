"""`modelberth fetch`: the init container. Its own package does the work; nothing of the operator is imported."""

from typing import Any

from modelberth.fetcher import command


def add_parser(commands: Any) -> None:
    command.add_parser(commands).set_defaults(run=command.run)
