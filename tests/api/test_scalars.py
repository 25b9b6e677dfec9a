"""Durations as the spec writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.scalars import seconds


@given(st.integers(0, 9999), st.integers(0, 99_999), st.integers(0, 999_999))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("0s", 0)])
def test_parts_may_be_missing(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "300", "5 m", "-1s", "1s1m", "1.5h", "1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)
