"""Outcomes and times of a load."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.load.generator import Record
from e2e.load.results import Results, outcome, parsed, quantile

FINITE = st.floats(0, 1e6)


def record(**changes: object) -> Record:
    fields = {"url": "http://a/v1", "stream": False, "pooled": False, "started": 1.0, "ended": 3.0, **changes}
    return Record(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 200, "finished": True}, "answered"),
        ({"status": 200, "error": "ClientPayloadError: not enough data"}, "cut"),
        ({"status": 503, "error": "{}"}, "HTTP 503"),
        ({"error": "ServerDisconnectedError: Server disconnected"}, "ServerDisconnectedError"),
        (
            {"error": "ServerDisconnectedError: Server disconnected", "reused": True},
            "ServerDisconnectedError (reused connection)",
        ),
    ],
)
def test_outcomes(changes: dict[str, object], expected: str) -> None:
    assert outcome(record(**changes)) == expected


@given(st.lists(FINITE, min_size=1), st.floats(0, 1))
def test_a_quantile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    below = [value for value in values if value < found]
    assert not below or len(below) < share * len(values)


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(quantile([], 0.5))


def test_the_first_answer_counts_from_the_first_request() -> None:
    late = record(started=2.0, first_byte=9.0, status=200, finished=True)
    soon = record(started=3.0, first_byte=8.5, status=200, finished=True)
    refused = record(started=1.5, first_byte=1.6, status=503)
    assert Results((late, soon, refused)).first_answer_s == 7.0


def test_times_are_told_per_address() -> None:
    there = record(url="http://b/v1", ended=2.0, status=200, finished=True)
    here = record(status=200, finished=True)
    results = Results((there, here, record(status=503)))
    assert results.seconds() == [1.0, 2.0]
    assert results.seconds("http://b/v1") == [1.0]


def test_what_the_generator_printed_is_read_and_told() -> None:
    records = [vars(record(status=200, finished=True)), vars(record(error="TimeoutError: "))]
    results = parsed(json.dumps(records))
    assert json.loads(str(results))["requests"] == 2
    assert [outcome(failure) for failure in results.failures] == ["TimeoutError"]
    assert "TimeoutError" in results.told().splitlines()[1]
