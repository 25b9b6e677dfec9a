"""`modelberth facts` as the pod runs it: against the hub of e2e, and on folders as they are mounted."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import modelberth
from modelberth.fetcher import facts
from modelberth.fetcher.machine import Machine
from modelberth.planner.files import ModelFiles, Tensors
from modelberth.ports.facts_report import FactsReport, facts_report
from modelberth.ports.hub import HuggingFaceHub
from tests.fakes.served_hub import GOOD, POOR, ServedHub, serving
from tests.ports.model_files.made import safetensors, write_gguf

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 2}
FILES = {"config.json": {**CONFIG, "bos_token_id": 1}, "model.safetensors": safetensors(("a", "F16", (1000,), 2000))}
FOUND = ModelFiles(CONFIG, Tensors({"F16": 1000}, 2000))

MAIN = """
import argparse, sys
from modelberth.cli import facts
parser = argparse.ArgumentParser()
facts.add_parser(parser.add_subparsers())
args = parser.parse_args()
sys.exit(args.run(args))
"""


@dataclass(frozen=True)
class Ended:
    """How it went."""

    status: int
    report: FactsReport | None
    raw: str


Facts = Callable[..., Ended]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ServedHub]:
    with serving(tmp_path / "repositories") as served:
        yield served


@pytest.fixture
def run(hub: ServedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    """Runs `facts ARGS` in this process, without waiting between tries."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(facts, "end_on_sigterm", lambda: None)

    def call(*args: str | Path, token: str = "") -> Ended:
        monkeypatch.setenv("HF_TOKEN", token)
        parser = argparse.ArgumentParser()
        facts.add_parser(parser.add_subparsers())
        log = tmp_path / "termination-log"
        log.unlink(missing_ok=True)
        argv = ["facts", *map(str, args), "--output", str(log)]
        status = facts.run(parser.parse_args(argv), Machine(sleep=lambda seconds: None))
        return Ended(status, facts_report(log.read_text()), log.read_text())

    return call


def test_a_repository(run: Facts, hub: ServedHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.write("model", FILES)
    commit = HuggingFaceHub(hub.url).resolve("org/model", None)
    ended = run("hf://org/model")
    assert (ended.status, ended.report) == (0, FactsReport(FOUND, commit))
    assert capsys.readouterr().out.splitlines() == [
        f"Asking {hub.url} for org/model at main (without a token).",
        f"Commit {commit}.",
        "config.json: LlamaForCausalLM.",
        "safetensors: 0.0 MiB (1,000 F16).",
    ]


def test_the_revision(run: Facts, hub: ServedHub) -> None:
    hub.write("model", FILES)
    hub.write("model@v1", {**FILES, "config.json": {**CONFIG, "num_hidden_layers": 9}})
    for args in (
        ("hf://org/model@v1",),
        ("hf://org/model", "--revision", "v1"),
        ("hf://org/model@main", "--revision", "v1"),
    ):
        report = run(*args).report
        assert report is not None
        assert report.files is not None
        assert (report.files.config or {})["num_hidden_layers"] == 9
        assert report.commit == HuggingFaceHub(hub.url).resolve("org/model", "v1")


@pytest.mark.parametrize(
    ("uri", "token", "reason"),
    [
        ("hf://org/secret", "", "ModelNotFound"),
        ("hf://org/secret", POOR, "ModelNotFound"),
        ("hf://org/secret", "hf_unknown", "ModelGated"),
        ("hf://org/secret", GOOD, None),
        ("hf://org/gated", "", "ModelGated"),
        ("hf://org/gated", GOOD, None),
        ("hf://org/gated@v9", GOOD, "RevisionNotFound"),
        ("hf://org", "", "UnsupportedModel"),
        ("pvc://models/llama", "", "UnsupportedModel"),
    ],
)
def test_access(  # noqa: PLR0913
    run: Facts, hub: ServedHub, uri: str, token: str, reason: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.write("secret", {**FILES, ".hub.json": {"private": True}})
    hub.write("gated", {**FILES, ".hub.json": {"gated": "manual"}})
    ended = run(uri, token=token)
    assert ended.report is not None
    assert ended.status == (0 if reason is None else 1)
    if reason is None:
        assert ended.report.files == FOUND
    else:
        assert ended.report.problem is not None
        assert ended.report.problem.reason == reason
    output = capsys.readouterr()
    assert not token or token not in ended.raw + output.out + output.err


def test_an_outage_is_waited_for(run: Facts, hub: ServedHub) -> None:
    hub.write("model", FILES)
    hub.faults.outages = 2
    assert run("hf://org/model").status == 0
    hub.faults.outages = 100
    report = run("hf://org/model").report
    assert report is not None
    assert report.problem is not None
    assert (report.problem.reason, report.problem.transient) == ("HubUnreachable", True)


def test_the_engine_chooses(run: Facts, hub: ServedHub) -> None:
    folder = hub.write("both", FILES)
    write_gguf(folder / "m.gguf", {"blk.0.attn_q.weight": (32, 32)})
    for args, blocks in ((), None), (("--engine", "vLLM"), None), (("--engine", "LlamaCpp"), (2048,)):
        report = run("hf://org/both", *args).report
        assert report is not None
        assert report.files is not None
        assert (report.files.gguf and report.files.gguf.layer_bytes) == blocks


def test_a_mounted_folder(run: Facts, hub: ServedHub, tmp_path: Path) -> None:
    assert run(hub.write("model", FILES)).report == FactsReport(FOUND)


def test_a_mounted_file(run: Facts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gguf(tmp_path / "a b.gguf", {"blk.0.attn_q.weight": (32, 32)})
    report = run(tmp_path / "a b.gguf").report
    assert report is not None
    assert report.files is not None
    assert report.files.gguf is not None
    assert capsys.readouterr().out == "GGUF: 0.0 MiB, 1 blocks, mostly F16.\n"


@pytest.mark.parametrize(
    ("files", "reason", "transient"),
    [
        ({}, "ModelNotFound", True),
        ({"config.json": b"{"}, "CheckpointCorrupt", False),
        ({"a.gguf": b"", "b.gguf": b""}, "UnsupportedModel", False),
    ],
)
def test_a_volume_that_will_not_do(  # noqa: PLR0913
    run: Facts, tmp_path: Path, files: dict[str, bytes], reason: str, transient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one may still be filled."""
    monkeypatch.setattr(facts, "MODEL_DIR", str(tmp_path))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    ended = run(tmp_path)
    assert ended.status == 1
    assert ended.report is not None
    assert ended.report.problem is not None
    assert (ended.report.problem.reason, ended.report.problem.transient) == (reason, transient)


def test_a_mistake_of_ours_is_told_too(run: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> ModelFiles:
        raise RuntimeError(f"with {GOOD} in it")

    monkeypatch.setattr(facts, "read_folder", broken)
    ended = run(tmp_path, token=GOOD)
    assert ended.status == 1
    assert ended.report is not None
    assert ended.report.problem is not None
    assert "RuntimeError" in ended.report.problem.message
    assert GOOD not in ended.raw


def test_as_a_process_of_its_own(tmp_path: Path, hub: ServedHub) -> None:
    """With HOME read-only and nothing of the operator's environment, as in the pod."""
    hub.write("secret", {**FILES, ".hub.json": {"private": True}})
    log = tmp_path / "log"
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "facts", "hf://org/secret", "--output", str(log)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(modelberth.__file__).parents[1]),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": GOOD,
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    record = json.loads(log.read_text())
    assert ModelFiles.decode(record["files"]) == FOUND
