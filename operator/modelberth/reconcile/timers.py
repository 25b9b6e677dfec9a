"""Waits by ModelDeployment, in the event loop's time."""

import asyncio

Key = tuple[str, str]


class Timers:
    """Each begins when it is first asked for, and ends when it is forgotten."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}

    def left(self, key: Key, seconds: float) -> float:
        """Seconds that are left of the wait; 0 when it is over."""
        now = asyncio.get_running_loop().time()
        return max(self._due.setdefault(key, now + seconds) - now, 0.0)

    def forget(self, key: Key) -> None:
        self._due.pop(key, None)
