"""The fetcher and the operator's hub port against the hub that e2e and the demo use, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelberth.ports.hub import HubProblem, HuggingFaceHub

from .conftest import Ended

ROOT = Path(__file__).parents[2]
WEIGHTS = bytes(range(256)) * 4000


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Serves org/open (with a tag), org/secret (private) and org/gated; the first answers are outages and cuts."""
    repositories = tmp_path / "repositories"
    for name, settings in {
        "open": None,
        "open@v1": None,
        "secret": {"private": True},
        "gated": {"gated": "manual"},
    }.items():
        folder = repositories / "org" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"name": name}))
        (folder / "model.safetensors").write_bytes(WEIGHTS)
        if settings:
            (folder / ".hub.json").write_text(json.dumps(settings))
    (tmp_path / "tokens").write_text(json.dumps({"hf_good": ["*"], "hf_poor": []}))
    argv = [sys.executable, "-m", "e2e.hub", str(repositories), "--port", "0", "--tokens", str(tmp_path / "tokens")]
    argv += ["--cut-after", "600000", "--cuts", "1", "--outages", "1"]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        first = process.stderr.readline()
        assert first.startswith("serving "), first + process.stderr.read()
        yield f"http://{first.strip().rsplit(' ', 1)[-1]}"
        process.kill()


@pytest.fixture
def fetch_there(fetch: Callable[..., Ended], endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    def run(uri: str, token: str = "") -> Ended:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setenv("HF_TOKEN", token)
        return fetch(uri)

    return run


def test_fetch(fetch_there: Callable[..., Ended], endpoint: str, tmp_path: Path) -> None:
    ended = fetch_there("hf://org/open")
    assert ended.status == 0
    assert ended.report["files"] == 2
    assert (tmp_path / "model/model.safetensors").read_bytes() == WEIGHTS
    hub = HuggingFaceHub(endpoint)
    assert hub.resolve("org/open", None) == ended.report["commit"]
    assert fetch_there("hf://org/open@v1").report["commit"] == hub.resolve("org/open", "v1") != ended.report["commit"]


@pytest.mark.parametrize(
    ("uri", "token", "reason"),
    [
        ("hf://org/absent", "", "ModelNotFound"),
        ("hf://org/absent", "hf_good", "ModelNotFound"),
        ("hf://org/open@v9", "", "RevisionNotFound"),
        ("hf://org/open", "hf_unknown", "ModelGated"),
        ("hf://org/secret", "", "ModelNotFound"),
        ("hf://org/secret", "hf_poor", "ModelNotFound"),
        ("hf://org/secret", "hf_good", None),
        ("hf://org/gated", "", "ModelGated"),
        ("hf://org/gated", "hf_poor", "ModelGated"),
        ("hf://org/gated", "hf_good", None),
    ],
)
def test_access(fetch_there: Callable[..., Ended], uri: str, token: str, reason: str | None) -> None:
    ended = fetch_there(uri, token)
    assert ended.report.get("reason") == reason, ended.report
    assert ended.status == (0 if reason is None else 1)


def test_the_operator_sees_what_is_public(endpoint: str) -> None:
    hub = HuggingFaceHub(endpoint)
    with pytest.raises(HubProblem) as raised:
        hub.resolve("org/gated", None)
    assert raised.value.transient, "the outage"
    commit = hub.resolve("org/gated", None)
    with pytest.raises(HubProblem, match="ModelGated"):
        hub.files("org/gated", commit)
    with pytest.raises(HubProblem, match="ModelNotFound"):
        hub.resolve("org/secret", None)
