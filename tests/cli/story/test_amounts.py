"""Times and bytes in words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.cli.story.amounts import BAR_WIDTH, ago, bar, duration, size

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("timestamp", "said"),
    [
        ("2026-11-24T00:59:15Z", "45 s"),
        ("2026-11-24T00:59:15.296547Z", "44 s"),
        ("2026-11-24T00:57:00Z", "3 min"),
        ("2026-11-23T20:00:00Z", "5 h"),
        ("2026-11-20T01:00:00Z", "4 d"),
        ("2026-11-24T01:59:15+01:00", "45 s"),
        ("2026-11-24T00:59:15", "45 s"),
        ("2026-11-24T01:00:09Z", "0 s"),
        (None, ""),
        ("yesterday", ""),
    ],
)
def test_ago(timestamp: str | None, said: str) -> None:
    assert ago(timestamp, NOW) == said


@given(st.integers(0, 10**8))
def test_an_age_is_never_off_by_more_than_its_unit(seconds: int) -> None:
    number, unit = ago((NOW - timedelta(seconds=seconds)).isoformat(), NOW).split()
    assert 0 <= seconds - int(number) * UNITS[unit] < UNITS[unit]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (80, "1 min 20 s"), (7500, "2 h 5 min"), (7201, "2 h")],
)
def test_duration(seconds: int, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (900, "900 B"),
        (2048, "2.0 KiB"),
        (93_800_000, "89.5 MiB"),
        (262_144_000, "250 MiB"),
        (2**34, "16.0 GiB"),
    ],
)
def test_size(count: int, said: str) -> None:
    assert size(count) == said


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_a_bar_is_full_only_at_the_end(done: int, total: int) -> None:
    drawn, percent = bar(done, total).rsplit("] ", 1)
    assert len(drawn) == BAR_WIDTH + 1
    full = total > 0 and done >= total
    assert (drawn.count("#") == BAR_WIDTH) == full
    assert (percent == "100 %") == full
