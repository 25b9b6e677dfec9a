"""A hub on loopback, and `modelberth fetch` against it in this process or in its own."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import modelberth
from modelberth.fetcher import command
from modelberth.fetcher.machine import Machine

from .tiny_hub import TinyHub, serving

MAIN = """
import argparse, sys
from modelberth.fetcher import command
parser = argparse.ArgumentParser()
command.add_parser(parser.add_subparsers())
sys.exit(command.run(parser.parse_args()))
"""


@dataclass(frozen=True)
class Ended:
    """How one fetch went."""

    status: int
    report: dict[str, Any]


@pytest.fixture
def hub() -> Iterator[TinyHub]:
    with serving(TinyHub()) as served:
        yield served


@pytest.fixture
def fetch(hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `fetch ARGS --to tmp/TO` in this process, without waiting between tries."""
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(command, "end_on_sigterm", lambda: None)

    def run(*args: str, engine: str = "vLLM", to: str = "model", machine: Machine | None = None) -> Ended:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        log = tmp_path / "termination-log"
        argv = ["fetch", *args, "--to", str(tmp_path / to), "--engine", engine, "--termination-log", str(log)]
        status = command.run(parser.parse_args(argv), machine or Machine(sleep=lambda seconds: None))
        return Ended(status, json.loads(log.read_text()))

    return run


@pytest.fixture
def spawn(hub: TinyHub, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `fetch ARGS --to tmp/TO` as a process of its own, as the kubelet does."""

    def start(*args: str, engine: str = "vLLM", to: str = "model", **env: str) -> subprocess.Popen[str]:
        argv = ["fetch", *args, "--to", str(tmp_path / to), "--engine", engine]
        argv += ["--termination-log", str(tmp_path / "termination-log")]
        source_root = Path(modelberth.__file__).parents[1]
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *argv],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(source_root),
                "HF_ENDPOINT": hub.endpoint,
                "HOME": "/nonexistent",
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
