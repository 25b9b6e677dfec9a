"""A trickle of requests to the models that are real, and which of its failures nobody can be blamed for."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from e2e.install.client import Client
from e2e.load.generator import Load, Record
from e2e.load.results import outcome
from e2e.load.running import Running, running
from e2e.soak.fleet import NAMESPACE, REAL

GAPS_S = (0.3, 0.9)
CLOCKS_S = 2.0
"""How far the beginning of a load may be from where we put it."""


@dataclass(frozen=True)
class Window:
    """From the beginning of a disturbance until all had converged (``time.time()``), and whom it hit itself."""

    began: float
    ended: float
    hit: frozenset[str]


@dataclass(frozen=True)
class Failure:
    """A request that was not answered; ``at`` is when it was sent (``time.time()``)."""

    model: str
    at: float
    what: str


@dataclass
class Trickle:
    """What became of the requests, once it has ended."""

    requests: int = 0
    failures: list[Failure] = field(default_factory=list)

    def blamed(self, windows: list[Window]) -> list[Failure]:
        """The failures of models whose own engine or Service nobody had taken away."""
        return [failure for failure in self.failures if not any(excuses(window, failure) for window in windows)]


def excuses(window: Window, failure: Failure) -> bool:
    """Whether the disturbance hit that model, then."""
    return failure.model in window.hit and window.began - CLOCKS_S <= failure.at <= window.ended + CLOCKS_S


@contextmanager
def trickle(client: Client) -> Iterator[Trickle]:
    """Requests to every real model until the block ends."""
    found = Trickle()
    with ExitStack() as stack:
        loads = {name: _start(stack, client, name) for name in REAL}
        yield found
        for name, (load, began) in loads.items():
            records = load.results().records
            found.requests += len(records)
            found.failures += [failure for record in records if (failure := _failed(name, began, record))]


def _start(stack: ExitStack, client: Client, name: str) -> tuple[Running, float]:
    load = Load([f"http://{name}.{NAMESPACE}.svc/v1"], name, gaps_s=GAPS_S, max_tokens=2, pooled=False, timeout_s=30)
    return stack.enter_context(running(client, load)), time.time()


def _failed(name: str, began: float, record: Record) -> Failure | None:
    return None if record.finished else Failure(name, began + record.started, f"{outcome(record)}: {record.error}")
