"""Locks that processes hold, and lose when they end."""

from __future__ import annotations

from pathlib import Path

from images.locks import in_use, locked


def test_the_first_user_knows_that_it_is_alone(tmp_path: Path) -> None:
    file = tmp_path / "locks" / "store"
    with in_use(file) as first, in_use(file) as second:
        assert (first, second) == (True, False)
    with in_use(file) as again:
        assert again


def test_a_lock_can_be_taken_again(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with locked(file):
        pass
    with locked(file):
        pass
