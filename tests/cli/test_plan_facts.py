"""Where `modelberth plan` has the facts of a model from, when no folder is given."""

from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.files import ModelFiles
from modelberth.ports import hub
from modelberth.ports.hub_problems import HubProblem
from tests.cli.command import Done, documents, modelberth
from tests.cli.plans import LLAMA, entries, on
from tests.manifests.specs import COMMIT

UNREACHABLE = HubProblem("HubUnreachable", "Cannot reach https://hub.example.com.", transient=True)


class FakeHub:
    """Answers with Llama, or with a problem; remembers what it was asked."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []
        self.asked: list[tuple[str, str | None]] = []
        self.problem: HubProblem | None = None
        self.missing: tuple[str, ...] = ()

    def __call__(self, endpoint: str, timeout_s: float = 5.0, token: str | None = None) -> "FakeHub":
        self.made.append((endpoint, token))
        return self

    def resolve(self, repo: str, revision: str | None) -> str:
        self.asked.append((repo, revision))
        if self.problem:
            raise self.problem
        return COMMIT

    def files(self, repo: str, commit: str, file: str | None, engine: str) -> ModelFiles:
        assert (commit, file, engine) == (COMMIT, None, "vLLM")
        return ModelFiles(config=LLAMA, missing=self.missing)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    made = FakeHub()
    monkeypatch.setattr(hub, "HuggingFaceHub", made)
    for name in ("HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return made


def at(uri: str, name: str = "a") -> dict[str, Any]:
    return on(name=name, model={"uri": uri}, maxModelLen=4096)


def plan(*resources: dict[str, Any], args: tuple[str, ...] = ()) -> Done:
    return modelberth("plan", "-f", "-", "-o", "json", *args, stdin=documents(*resources))


def test_each_repository_is_looked_up_once(fake: FakeHub) -> None:
    pinned = "hf://org/b@v1"
    done = plan(at("hf://org/a"), at("hf://org/a", "b"), at(pinned, "c"), at(pinned, "d"))
    assert (done.code, [entry["fits"] for entry in entries(done)]) == (0, [True] * 4)
    assert fake.asked == [("org/a", None), ("org/b", "v1")]
    assert len(fake.made) == 1


def test_a_folder_needs_no_hub(fake: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    plan(at("hf://org/a"), args=("--model-config", str(tmp_path)))
    assert fake.made == []


def test_the_endpoint_is_the_settings_else_the_environments_and_the_token_the_persons(
    fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("hub: {endpoint: 'https://mirror.example.com'}\n")
    plan(at("hf://org/a"))
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.com")
    monkeypatch.setenv("HF_TOKEN", "secret")
    done = plan(at("hf://org/a"))
    plan(at("hf://org/a"), args=("--config", str(settings)))
    assert fake.made == [
        ("https://huggingface.co", None),
        ("https://hub.example.com", "secret"),
        ("https://mirror.example.com", "secret"),
    ]
    assert "secret" not in done.out + done.err


def test_a_hub_that_does_not_answer_is_asked_once_and_said_once(fake: FakeHub) -> None:
    fake.problem = UNREACHABLE
    done = plan(*(at(f"hf://org/{name}", name) for name in "abc"))
    assert done.code == 0
    assert [entry["fits"] for entry in entries(done)] == [None] * 3
    assert len(fake.asked) == 1
    assert done.err.splitlines()[0] == UNREACHABLE.message
    assert done.err.splitlines().count(UNREACHABLE.message) == 1
    for entry in entries(done):
        assert [finding["reason"] for finding in entry["findings"]] == ["UnknownModel"]


def test_a_repository_that_does_not_exist_does_not_hide_the_next(fake: FakeHub) -> None:
    fake.problem = HubProblem("ModelNotFound", "there is no org/a")
    done = plan(at("hf://org/a"), at("hf://org/b", "b"))
    assert fake.asked == [("org/a", None), ("org/b", None)]
    assert done.code == 0


def test_what_could_not_be_read_is_said(fake: FakeHub) -> None:
    fake.missing = ("model.safetensors: its header is too large",)
    done = plan(at("hf://org/a"))
    assert entries(done)[0]["fits"] is True
    assert done.err == "model.safetensors: its header is too large\n"


@pytest.mark.parametrize("uri", ["pvc://models/llama", "oci://example.com/llama:1"])
def test_files_in_the_cluster_are_not_looked_for(fake: FakeHub, uri: str) -> None:
    done = plan(at(uri))
    assert (done.code, fake.made) == (0, [])
    assert entries(done)[0]["fits"] is None
    assert done.err.startswith(f"the files of {uri} are in the cluster; name a copy with --model-config\n")
