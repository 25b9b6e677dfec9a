"""Fetchers that say what a test wants."""

import asyncio
from dataclasses import dataclass, field

from modelberth.ports.fetch_progress import Progress


@dataclass
class FakeFetchers:
    """By the address of the pod; None and an unknown address say nothing."""

    progress: dict[str, Progress | None] = field(default_factory=dict)
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def read(self, address: str) -> Progress | None:
        self.asked.append(address)
        await asyncio.sleep(self.seconds)
        return self.progress.get(address)


def downloading(done: int, total: int = 1000, speed: int = 10) -> Progress:
    """A download that goes on."""
    return Progress("Downloading", done, total, speed, (total - done) // speed if speed else None)
