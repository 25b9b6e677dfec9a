"""`modelberth facts`: the fact-finding pod. Its own package does the work; nothing of the operator is imported."""

from typing import Any

from modelberth.fetcher import facts


def add_parser(commands: Any) -> None:
    facts.add_parser(commands).set_defaults(run=facts.run)
