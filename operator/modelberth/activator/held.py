"""Tells the operator what is held, as soon as it changes."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from modelberth.activator.slices import Key

COALESCE_S = 0.05


class HeldReport:
    """A versioned view of what is held. Versions name this process: another one starts anew."""

    def __init__(self, held: Mapping[Key, int]) -> None:
        self._held = held
        self._process = uuid.uuid4().hex
        self._number = 0
        self._told_at = float("-inf")
        self._due: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()

    def changed(self, _: Key) -> None:
        """Something is held that was not, or no longer. The first change is told at once, more of them together."""
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._told_at + COALESCE_S), self._tell)

    async def read(self, after: str, wait_s: float) -> dict[str, Any]:
        """The report: at once where ``after`` is not its version, else when it changes or after so many seconds."""
        if after == self._version:
            news = self._news
            try:
                async with asyncio.timeout(wait_s):
                    await news.wait()
            except TimeoutError:
                pass
        return {"version": self._version, "held": {"/".join(key): count for key, count in self._held.items()}}

    @property
    def _version(self) -> str:
        return f"{self._process}.{self._number}"

    def _tell(self) -> None:
        self._due = None
        self._told_at = asyncio.get_running_loop().time()
        self._number += 1
        self._news.set()
        self._news = asyncio.Event()
