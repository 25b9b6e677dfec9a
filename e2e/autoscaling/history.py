"""Every value that a field had, from a watch: what lasts for a moment is seen too."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from os import environ
from typing import TextIO

from e2e.conftest import Space

READY_REASON = '{.status.conditions[?(@.type=="Ready")].reason}'
DESIRED = "{.status.autoscaling.desiredReplicas}"


class History:
    """Values one after the other, without repetitions."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def add(self, value: str) -> None:
        if self.values[-1:] != [value]:
            self.values.append(value)

    def follow(self, lines: TextIO) -> None:
        """Adds every line until there are no more."""
        for line in lines:
            self.add(line.strip())


@contextmanager
def history(space: Space, target: str, field: str) -> Iterator[History]:
    """Follows a field (JSONPath) of ``kind/name`` until the block ends."""
    kubectl, seen = space.platform.kubectl, History()
    process = subprocess.Popen(
        [kubectl.path, "-n", space.name, "get", target, "--watch", "-o", f'jsonpath={field}{{"\\n"}}'],
        env={**environ, **kubectl.env},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    reader = threading.Thread(target=seen.follow, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        process.kill()
        process.wait()
        reader.join()


def returns_from_zero(values: list[str]) -> int:
    """How often a number of replicas went from 0 to more."""
    return sum(before == "0" != after for before, after in pairwise(values))
