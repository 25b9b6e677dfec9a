"""What a watched field went through."""

import io

import pytest

from e2e.autoscaling.history import History, returns_from_zero


def test_repetitions_are_one_value() -> None:
    seen = History()
    seen.follow(io.StringIO("1\n1\n0\n0\n1\n"))
    assert seen.values == ["1", "0", "1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0),
        (["0"], 0),
        (["1", "0"], 0),
        (["0", "1"], 1),
        (["1", "0", "2", "1", "0", "1"], 2),
        (["1", "2", "1"], 0),
    ],
)
def test_returns_from_zero(values: list[str], expected: int) -> None:
    assert returns_from_zero(values) == expected
