"""The CEL rules, run in Python over a resource with its defaults applied."""

from collections.abc import Iterator, Sequence
from typing import Any

from modelberth.api import cel_runtime as cel
from modelberth.api.finding import Finding
from modelberth.api.rules import Rule


class RuleSet:
    """Rules, compiled once, grouped by the place where they stand."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_path: dict[str, list[tuple[Rule, Any]]] = {}
        for rule in rules:
            self._by_path.setdefault(rule.path, []).append((rule, cel.compile(rule.expression)))

    def findings(self, resource: dict[str, Any]) -> list[Finding]:
        """What the rules refuse. ``resource`` is valid for the schema, defaulted, and free of nulls."""
        found = []
        for path, programs in self._by_path.items():
            for field, value in _values(resource, path):
                context = cel.Context(variables={"self": value})
                found += [
                    Finding((field + rule.field).removeprefix("."), rule.message)
                    for rule, program in programs
                    if program.execute(context) is not True
                ]
        return found


def _values(resource: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """(field, value) of every place that a rule path means; none where the field is absent."""
    places: list[tuple[str, Any]] = [("", resource)]
    for part in path.split(".") if path else []:
        name = part.removesuffix("[]")
        inner = [(f"{field}.{name}".removeprefix("."), value[name]) for field, value in places if name in value]
        if part.endswith("[]"):
            inner = [(f"{field}[{index}]", item) for field, items in inner for index, item in enumerate(items)]
        places = inner
    yield from places
