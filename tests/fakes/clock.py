"""An event loop whose time passes at once: where a real loop would sleep, this one moves its clock."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits and nothing is going to happen")
            self.now += max(timeout, 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Also runs what is meant for threads: on the loop, after ``thread_s`` seconds of its time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        self.thread_s = 0.0
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future: asyncio.Future[Any] = self.create_future()

        def call() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self.thread_s, call)
        return future


def moment() -> str:
    """The running loop's time as the API server would write it (RFC 3339); that of the beginning where none runs."""
    try:
        seconds = asyncio.get_running_loop().time()
    except RuntimeError:
        seconds = 0.0
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def run_virtually(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Runs a scenario on a loop of its own, for tests that run many of them."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
