"""What a fetcher says of itself, and what a hostile pod says instead."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.fetcher.progress import Standing
from modelberth.ports.fetch_progress import HttpFetchProgress, Progress, parse_progress
from tests.fakes.engine_metrics import FakeEngineMetrics

SAID = {"phase": "Downloading", "bytes": 3, "total": 9, "bytesPerSecond": 2, "etaSeconds": 3, "commit": "f" * 40}

counts = st.integers(0, 2**53)


@given(
    st.sampled_from(("Pending", "Waiting", "Downloading", "Verifying", "Complete")), counts, counts, st.floats(0, 1e9)
)
def test_what_our_fetcher_says_is_understood(phase: Any, total: int, part: int, rate: float) -> None:
    standing = Standing(phase, min(part, total), total, rate, None)
    found = parse_progress(json.dumps(standing.json))
    assert found is not None
    assert (found.phase, found.bytes, found.total) == (phase, standing.done, total)
    assert found.bytes_per_second == int(rate)
    assert (found.eta_seconds is None) == (standing.seconds_left is None)


def test_more_than_everything_is_everything() -> None:
    assert parse_progress(json.dumps({**SAID, "bytes": 10})) == Progress("Downloading", 9, 9, 2, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"phase": "Done"},
        {"phase": 7},
        {"bytes": -1},
        {"bytes": True},
        {"bytes": "3"},
        {"total": 1.5},
        {"total": 2**53 + 1},
        {"bytesPerSecond": None},
        {"bytesPerSecond": float("inf")},
        {"etaSeconds": -1},
        {"etaSeconds": [3]},
    ],
)
def test_anything_else_is_no_progress(wrong: dict[str, Any]) -> None:
    assert parse_progress(json.dumps(SAID)) is not None
    assert parse_progress(json.dumps({**SAID, **wrong})) is None


@given(st.text() | st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner)).map(json.dumps))
def test_any_text_is_read(text: str) -> None:
    assert parse_progress(text) is None


@pytest.mark.parametrize("text", ["", "[" * 3000, '{"phase": "Pending"}', json.dumps({**SAID, "x": "y" * 5000})])
def test_what_is_too_deep_or_too_long_is_none(text: str) -> None:
    assert parse_progress(text) is None


async def test_the_pod_is_asked_at_its_address() -> None:
    http = FakeEngineMetrics(json.dumps(SAID))
    assert await HttpFetchProgress(http, 9401).read("10.1.0.7") == Progress("Downloading", 3, 9, 2, 3)
    assert http.asked == ["10.1.0.7:9401/progress"]


async def test_a_pod_that_does_not_answer_says_nothing() -> None:
    assert await HttpFetchProgress(FakeEngineMetrics(None), 9401).read("10.1.0.7") is None
