"""Fetchers as the kubelet runs them: many at once, killed in the middle, asked how far they are."""

import http.client
import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .tiny_hub import COMMIT, TinyHub

URI = "hf://org/model"
MIB = 1 << 20
MODEL = {
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": random.Random(1).randbytes(16 * MIB),
    "model-00002-of-00002.safetensors": random.Random(2).randbytes(8 * MIB),
    "model.safetensors.index.json": b"{}",
}
SIZE = sum(map(len, MODEL.values()))


@dataclass
class Fetchers:
    """The processes of one test; none of them outlives it."""

    spawn: Callable[..., "subprocess.Popen[str]"]
    running: list["subprocess.Popen[str]"] = field(default_factory=list)

    def start(self, *args: str, to: str = "model") -> "Fetcher":
        port = free_port()
        process = self.spawn(URI, *args, "--progress-port", str(port), to=to)
        self.running.append(process)
        return Fetcher(process, port)


@dataclass(frozen=True)
class Fetcher:
    process: "subprocess.Popen[str]"
    port: int

    def progress(self) -> dict[str, Any]:
        """What GET /progress answers; {} while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/progress")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
        return found

    def kill(self) -> str:
        """kill -9; what it had said until then."""
        self.process.kill()
        return self.process.communicate()[0]

    def ended(self) -> str:
        """What it said, when it is done."""
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, output
        return output


@pytest.fixture
def fetchers(spawn: Callable[..., "subprocess.Popen[str]"], hub: TinyHub) -> Iterator[Fetchers]:
    hub.files = MODEL
    found = Fetchers(spawn)
    yield found
    for process in found.running:
        if process.poll() is None:
            process.kill()
            process.communicate()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def served(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


@pytest.mark.parametrize("cached", [False, True])
def test_killed_five_times(fetchers: Fetchers, hub: TinyHub, tmp_path: Path, cached: bool) -> None:
    """Less than 1.3 times the size is sent in all, and what arrives is right."""
    args = ["--cache", str(tmp_path / "cache")] if cached else []
    hub.bytes_per_s = 6e6
    for kill in range(1, 6):
        fetcher = fetchers.start(*args)
        until(lambda kill=kill: hub.sent_bytes > SIZE * kill / 6)  # type: ignore[misc]
        assert "Done" not in fetcher.kill()
    output = fetchers.start(*args).ended()
    assert "Done: 4 files, 24.0 MiB" in output
    assert served(tmp_path / "model") == MODEL
    assert SIZE <= hub.sent_bytes < 1.3 * SIZE


def test_eight_at_once_are_one_download(fetchers: Fetchers, hub: TinyHub, tmp_path: Path) -> None:
    hub.bytes_per_s = 6e6
    started = [fetchers.start("--cache", str(tmp_path / "cache"), to=f"pod-{pod}") for pod in range(8)]
    outputs = [fetcher.ended() for fetcher in started]
    assert all(served(tmp_path / f"pod-{pod}") == MODEL for pod in range(8))
    assert len([line for line in hub.asked if "/resolve/" in line]) == len(MODEL), "each file once"
    assert SIZE <= hub.sent_bytes < SIZE + MIB, "and little else"
    assert sum("are in the cache already" in output for output in outputs) == 7


def test_who_downloads_is_killed_and_another_goes_on(fetchers: Fetchers, hub: TinyHub, tmp_path: Path) -> None:
    hub.bytes_per_s = 3e6
    args = ("--cache", str(tmp_path / "cache"), "--revision", COMMIT)
    started = [fetchers.start(*args, to=f"pod-{pod}") for pod in range(8)]

    def phases() -> list[str]:
        return [fetcher.progress().get("phase", "") for fetcher in started]

    until(lambda: sorted(phases()) == ["Downloading", *["Waiting"] * 7])
    until(lambda: hub.sent_bytes > SIZE / 3)
    (holder,) = [fetcher for fetcher in started if fetcher.progress()["phase"] == "Downloading"]
    holder.kill()
    hub.bytes_per_s = 20e6
    others = [fetcher for fetcher in started if fetcher is not holder]
    outputs = [fetcher.ended() for fetcher in others]
    assert all(served(tmp_path / f"pod-{started.index(fetcher)}") == MODEL for fetcher in others)
    assert SIZE <= hub.sent_bytes < 1.3 * SIZE
    assert sum(f"to {tmp_path}/cache/" in output for output in outputs) == 1, "one went on where it was"
    assert all("Waiting for another pod that downloads this: " in output for output in outputs)


def test_progress_can_be_asked_for(fetchers: Fetchers, hub: TinyHub, tmp_path: Path) -> None:
    hub.bytes_per_s = 3e6
    first = fetchers.start("--cache", str(tmp_path / "cache"), to="first")
    until(lambda: first.progress().get("bytesPerSecond", 0) > 0)
    second = fetchers.start("--cache", str(tmp_path / "cache"), to="second")
    until(lambda: second.progress().get("etaSeconds") is not None)
    there = first.progress()
    # Who waits looks at the other's files once a second.
    until(lambda: second.progress()["bytes"] >= there["bytes"])
    waiting = second.progress()
    assert list(there) == ["phase", "bytes", "total", "bytesPerSecond", "etaSeconds", "commit"]
    assert (there["phase"], waiting["phase"]) == ("Downloading", "Waiting")
    assert there["total"] == waiting["total"] == SIZE
    assert there["commit"] == waiting["commit"] == COMMIT
    assert 0 < there["bytes"] <= waiting["bytes"] < SIZE
    hub.bytes_per_s = None
    first.ended()
    second.ended()
