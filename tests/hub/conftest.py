"""A hub on loopback that serves a small folder, and the real client pointed at it."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub import HfApi

from e2e.hub.access import Tokens
from e2e.hub.network import Faults
from e2e.hub.repositories import RepositoryFolder
from e2e.hub.server import Hub, HubServer


def safetensors_bytes(values: int) -> bytes:
    """A valid safetensors file with one float32 tensor of `values` zeros."""
    header = {"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + bytes(4 * values)


def write_repository(folder: Path, files: dict[str, bytes]) -> None:
    """Create a repository folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass
class RunningHub:
    """A served hub: its address, its folder and its knobs."""

    url: str
    root: Path
    hub: Hub
    cache: Path
    log: list[str]

    def logged(self, text: str) -> list[str]:
        """The log lines with `text`; the client may have its answer before the line is written, so wait for one."""
        deadline = time.monotonic() + 5
        while not (found := [line for line in self.log if text in line]) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def api(self, token: str | bool = False) -> HfApi:
        """The real client; False sends no token."""
        return HfApi(endpoint=self.url, token=token)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """Repositories: acme/public (main and v1), acme/private, acme/gated; token `reader` opens the last two."""
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    root = tmp_path / "repositories"
    files = {
        "config.json": b'{"model_type": "llama"}',
        "model.safetensors": safetensors_bytes(300_000),
        "onnx/model.onnx": b"o" * 100,
        "onnx/deep/readme.txt": b"deep",
    }
    write_repository(root / "acme/public", files)
    write_repository(root / "acme/public@v1", {"config.json": b"{}"})
    write_repository(root / "acme/public@refs%2Fpr%2F1", {"config.json": b"[]"})
    write_repository(root / "acme/private", {"config.json": b"{}", ".hub.json": b'{"private": true}'})
    write_repository(root / "acme/gated", {"config.json": b"{}", ".hub.json": b'{"gated": "manual"}'})
    tokens = Tokens({"reader": frozenset({"acme/private", "acme/gated"}), "stranger": frozenset()})
    lines: list[str] = []
    hub = Hub(RepositoryFolder(root), tokens=tokens, faults=Faults(), log=lines.append)
    with HubServer(("127.0.0.1", 0), hub) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield RunningHub(f"http://127.0.0.1:{server.server_port}", root, hub, tmp_path / "cache", lines)
        server.shutdown()
