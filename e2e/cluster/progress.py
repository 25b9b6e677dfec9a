"""Says on the terminal what is being done and for how long. Everything goes to stderr: stdout is for results."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_AFTER = 1.0
"""A step that took less (seconds) is not worth its duration."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce `title`, keep showing elapsed seconds, and end with `done` or `failed`.

    A terminal's line is rewritten each second; a log gets a line each half minute, so that CI sees life.
    """
    start = time.monotonic()
    finished = threading.Event()
    terminal = sys.stderr.isatty()
    if not terminal:
        say(f"{title} ...")

    def tick() -> None:
        while not finished.wait(1.0 if terminal else 30.0):
            elapsed = time.monotonic() - start
            if terminal:
                sys.stderr.write(f"\r\033[K{title} ... {elapsed:.0f} s")
                sys.stderr.flush()
            else:
                say(f"  still {title}, {elapsed:.0f} s")

    if terminal:
        sys.stderr.write(f"{title} ...")
        sys.stderr.flush()
    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        finished.set()
        ticker.join()
        elapsed = time.monotonic() - start
        if terminal:
            say(f"\r\033[K{title}: {outcome}, {elapsed:.1f} s")
        elif outcome == "failed" or elapsed >= QUIET_AFTER:
            say(f"  {outcome}, {elapsed:.1f} s")
