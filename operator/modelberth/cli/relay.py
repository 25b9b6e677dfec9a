"""`modelberth relay`: beside the engine. Its own package does the work; nothing else is imported, to stay small."""

from typing import Any

from modelberth.relay import command


def add_parser(commands: Any) -> None:
    command.add_parser(commands).set_defaults(run=command.run)
