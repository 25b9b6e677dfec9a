"""The operator's view of the hub, against a real HTTP server that answers what each test says."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from modelberth.ports.hub import Hub, HubProblem, HuggingFaceHub
from tests.ports.conftest import Answer, Server

COMMIT = "c" * 40


@pytest.fixture
def hub(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    return HuggingFaceHub(server.endpoint, timeout_s=0.5)


def info(**fields: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps({"id": "org/model", **fields}).encode()


def test_a_revision_is_resolved(hub: Hub, server: Server) -> None:
    server.answers["/api/models/org/model/revision/main"] = info(sha=COMMIT)
    server.answers["/api/models/org/model/revision/refs%2Fpr%2F1"] = info(sha="d" * 40)
    assert hub.resolve("org/model", None) == COMMIT
    assert hub.resolve("org/model", "refs/pr/1") == "d" * 40


def test_a_commit_must_exist_too(hub: Hub, server: Server) -> None:
    path = f"/api/models/org/model/revision/{COMMIT}"
    server.answers[path] = info(sha=COMMIT)
    assert hub.resolve("org/model", COMMIT) == COMMIT
    server.answers[path] = (404, {"X-Error-Code": "RevisionNotFound"}, b"")
    with pytest.raises(HubProblem) as raised:
        hub.resolve("org/model", COMMIT)
    assert raised.value.reason == "RevisionNotFound"
    assert not raised.value.transient


@pytest.mark.parametrize(
    ("status", "code", "reason", "transient"),
    [
        (401, "RepoNotFound", "ModelNotFound", False),
        (401, "GatedRepo", "ModelGated", False),
        (403, "GatedRepo", "ModelGated", False),
        (404, "RepoNotFound", "ModelNotFound", False),
        (404, "", "ModelNotFound", False),
        (429, "", "HubUnreachable", True),
        (500, "", "HubUnreachable", True),
        (503, "", "HubUnreachable", True),
        (418, "", "HubUnreachable", False),
    ],
)
def test_refusals(hub: Hub, server: Server, status: int, code: str, reason: str, transient: bool) -> None:  # noqa: PLR0913
    refusal = (status, {"X-Error-Code": code} if code else {}, b"")
    server.answers = {"/api/models/org/model/revision/main": refusal}
    with pytest.raises(HubProblem) as raised:
        hub.resolve("org/model", None)
    assert (raised.value.reason, raised.value.transient) == (reason, transient)


def test_it_does_not_wait_for_ever(hub: Hub, server: Server) -> None:
    def slow() -> Answer:
        time.sleep(3)
        return info(sha=COMMIT)

    server.answers = {"/api/models/org/model/revision/main": slow}
    begun = time.monotonic()
    with pytest.raises(HubProblem) as raised:
        hub.resolve("org/model", None)
    assert raised.value.reason == "HubUnreachable"
    assert raised.value.transient
    assert time.monotonic() - begun < 2.5


@pytest.mark.parametrize("answer", [(200, {}, b"<html>sign in</html>"), (200, {}, b"[]"), info(), info(sha=None)])
def test_something_that_is_no_hub(hub: Hub, server: Server, answer: Answer) -> None:
    server.answers["/api/models/org/model/revision/main"] = answer
    with pytest.raises(HubProblem, match="does not answer like a model hub"):
        hub.resolve("org/model", None)


def test_a_name_that_is_none(hub: Hub, server: Server) -> None:
    with pytest.raises(HubProblem, match="ModelNotFound"):
        hub.resolve("a/b/c", None)
    assert server.asked == []


def test_no_token_and_no_trace(hub: Hub, server: Server, tmp_path: Path) -> None:
    """HF_TOKEN in the operator's environment is nobody's here, and its root file system is read-only."""
    server.answers = {"/api/models/org/model/revision/main": info(sha=COMMIT)}
    hub.resolve("org/model", None)
    assert [token for _, token in server.asked] == [None]
    assert list(tmp_path.rglob("*")) == []
