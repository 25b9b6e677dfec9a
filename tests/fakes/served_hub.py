"""The hub of e2e in this process: a folder of repositories on a loopback port."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from e2e.hub.access import Tokens
from e2e.hub.network import Faults
from e2e.hub.repositories import RepositoryFolder
from e2e.hub.server import Hub, HubServer

GOOD, POOR = "hf_good", "hf_poor"
"""Tokens: one opens everything, one nothing. Any other is refused."""


@dataclass
class ServedHub:
    """Its address, its knobs, and a line per request."""

    url: str
    root: Path
    faults: Faults
    lines: list[str]

    def write(self, name: str, files: dict[str, Any]) -> Path:
        """Files of ``org/name``: bytes, or anything as JSON."""
        folder = self.root / "org" / name
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            (folder / path).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return folder

    def requests(self, count: int) -> list[str]:
        """Log lines of what was asked beside the commit; each is written after the client has its answer."""
        deadline = time.monotonic() + 5
        while len(lines := [line for line in self.lines if "expand=sha" not in line]) < count:
            assert time.monotonic() < deadline, lines
            time.sleep(0.01)
        assert len(lines) == count, lines
        return lines


@contextmanager
def serving(folder: Path) -> Iterator[ServedHub]:
    """Serves ``folder/org/NAME`` while entered."""
    lines: list[str] = []
    hub = Hub(RepositoryFolder(folder), Tokens({GOOD: frozenset({"*"}), POOR: frozenset()}), log=lines.append)
    with HubServer(("127.0.0.1", 0), hub) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield ServedHub(f"http://127.0.0.1:{server.server_port}", folder, hub.faults, lines)
        server.shutdown()
