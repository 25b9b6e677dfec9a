"""Every rule: a resource that violates only it, and the words that people get."""

import pytest

from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import InvalidSpec
from modelberth.api.rules import GENERAL, Rule, literal
from modelberth.api.validation import RULES, api_server_findings, findings, parse
from tests.api import violations
from tests.api.resources import resource
from tests.api.violations import Violation


@pytest.mark.parametrize("violation", violations.API_SERVER, ids=str)
def test_each_violation_has_one_finding_that_names_the_field_and_the_way_out(violation: Violation) -> None:
    found = api_server_findings(violation.resource)
    assert [finding.field for finding in found] == [violation.field], found
    assert violation.words in found[0].message
    assert str(found[0]).startswith(f"{violation.field}: ")


def test_every_general_rule_is_violated_by_some_example() -> None:
    seen = {finding.message for violation in violations.GENERAL for finding in findings(violation.resource)}
    assert [rule.message for rule in GENERAL if rule.message not in seen] == []


def test_every_rule_of_the_tables_is_violated_by_some_example() -> None:
    seen = {str(finding) for violation in violations.engine_violations() for finding in findings(violation.resource)}
    assert [rule for rule in RULES[len(GENERAL) :] if f"{_field(rule)}: {rule.message}" not in seen] == []


def _field(rule: Rule) -> str:
    return (rule.path + rule.field).removeprefix(".")


@pytest.mark.parametrize("engine", FACTS)
def test_a_plain_resource_is_valid(engine: str) -> None:
    assert findings(resource(engine=engine)) == []


def test_rules_of_one_place_differ_because_the_schema_keys_them_by_their_text() -> None:
    keys = [(rule.path, rule.expression) for rule in RULES]
    assert len(set(keys)) == len(keys)


def test_messages_fit_into_a_schema() -> None:
    assert [rule.message for rule in RULES if len(rule.message) > 2048 or "\n" in rule.message] == []


@pytest.mark.parametrize("text", ["a'b", "a\\b", "a\nb"])
def test_a_literal_that_needs_escapes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds a quote"):
        literal(text)


def test_every_finding_of_a_spec_is_told_at_once() -> None:
    found = findings(resource({"spec.dtype": "half", "spec.parallelism.data": 2}, "LlamaCpp"))
    assert [finding.field for finding in found] == ["spec.parallelism.data", "spec.dtype"]


def test_parse_raises_what_findings_say() -> None:
    broken = resource({"spec.dtype": "half", "spec.parallelism.data": 2}, "LlamaCpp")
    with pytest.raises(InvalidSpec) as caught:
        parse(broken)
    assert list(caught.value.findings) == findings(broken)
    assert "spec.dtype: " in str(caught.value)
