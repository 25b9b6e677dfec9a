"""preStop hook of an engine container: says that the pod drains, and returns when its clients are gone.

  python3 drain.py --port 8000 --pause 5 --limit 120

It runs in the engine's image, by itself: standard library only, Python 3.9 or later.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

FLAG = "/tmp/modelberth-draining"
"""What modelberth_drain.py looks for."""
LOOK_EVERY_S = 0.5
QUIET_LOOKS = 2
"""A client that opens a connection per request has none for a moment."""

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
"""The connections of this network namespace, which is the pod's."""
OPEN = frozenset(("01", "03", "04"))
"""ESTABLISHED; SYN_RECV, which the engine will accept; FIN_WAIT1, where the client lacks the end of its answer.
https://github.com/torvalds/linux/blob/master/include/net/tcp_states.h"""


def connections(port: int) -> int | None:
    """Connections to a port of this pod; None where the kernel does not tell."""
    found = None
    for table in TABLES:
        try:
            with open(table) as rows:
                found = (found or 0) + count(rows, port)
        except OSError:
            continue  # a machine without IPv6 has one table
    return found


def count(rows: Iterable[str], port: int) -> int:
    """Open connections to the port among rows of /proc/net/tcp: number, local and remote address:port, state, ..."""
    suffix = f":{port:04X}"
    words = (row.split(None, 4) for row in rows)
    return sum(1 for row in words if len(row) > 3 and row[1].endswith(suffix) and row[3] in OPEN)


def wait(look: Callable[[], int | None], limit: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether QUIET_LOOKS one after the other saw no connection within ``limit`` seconds of waiting.

    None, no answer, counts as none: the engine's own way to end has to do then.
    """
    quiet, waited = 0, 0.0
    while True:
        quiet = 0 if look() else quiet + 1
        if quiet == QUIET_LOOKS:
            return True
        if waited + LOOK_EVERY_S > limit:
            return False
        sleep(LOOK_EVERY_S)
        waited += LOOK_EVERY_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True, help="where the engine listens")
    parser.add_argument("--pause", type=float, required=True, help="seconds in which the pod leaves its Service")
    parser.add_argument("--limit", type=float, required=True, help="seconds that the clients then have")
    args = parser.parse_args()
    # On a full disk there is no flag: clients that keep a connection may then need all of the limit.
    with suppress(OSError), open(FLAG, "w"):
        os.utime(FLAG)
    time.sleep(args.pause)
    wait(lambda: connections(args.port), args.limit)


if __name__ == "__main__":
    main()
