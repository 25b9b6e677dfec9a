"""`modelberth fetch --cache`: what is shared, what is never mixed, what works without the hub."""

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelberth.fetcher import record
from modelberth.fetcher.machine import Machine

from .conftest import Ended
from .tiny_hub import COMMIT, OTHER_COMMIT, TinyHub

URI = "hf://org/model"
MODEL = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 2000, "sub/tokenizer.json": b"[]"}
ENTRY = f"org--model--{COMMIT}--model"
NOWHERE = "http://127.0.0.1:9"

Fetch = Callable[..., Ended]


@pytest.fixture(autouse=True)
def model(hub: TinyHub) -> None:
    hub.files = {**MODEL, "README.md": b"# Hello"}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cached(fetch: Fetch, cache: Path) -> Fetch:
    """Runs `fetch ARGS --cache tmp/cache`."""

    def run(*args: str, **others: object) -> Ended:
        return fetch(*args, "--cache", str(cache), **others)

    return run


def served(folder: Path) -> dict[str, bytes]:
    """What an engine finds in the folder that it is told."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_in_the_cache_and_links_in_the_folder(cached: Fetch, cache: Path, tmp_path: Path) -> None:
    ended = cached(URI)
    assert ended == Ended(0, {"commit": COMMIT, "files": 3, "bytes": sum(map(len, MODEL.values()))})
    assert served(tmp_path / "model") == MODEL
    link = tmp_path / "model/sub/tokenizer.json"
    assert link.readlink() == cache / ENTRY / "sub/tokenizer.json"
    assert not (cache / ENTRY / ".fetch").exists()
    found = record.load(cache / ENTRY)
    assert found is not None
    assert found.complete


def test_a_commit_that_is_there_needs_no_hub(
    cached: Fetch, hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached(URI)
    hub.asked.clear()
    assert cached(URI, "--revision", COMMIT, to="second") == first
    assert hub.asked == []
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    assert cached(URI, "--revision", COMMIT, to="third") == first
    assert served(tmp_path / "third") == MODEL


def test_vllm_and_sglang_share(cached: Fetch, hub: TinyHub, cache: Path) -> None:
    cached(URI)
    hub.asked.clear()
    assert cached(URI, "--revision", COMMIT, engine="SGLang", to="second").status == 0
    assert hub.asked == []
    assert cached(URI, "--revision", COMMIT, "--trust-remote-code", to="third").status == 0
    assert hub.asked
    assert {path.name for path in cache.glob("[!.]*")} == {ENTRY, f"{ENTRY}--code"}


def test_without_the_hub(cached: Fetch, hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch is what it was when it was last complete here; what never was is an outage, to be tried again."""
    hub.revisions.add("v2")
    first = cached(URI)
    hub.commit, hub.files = OTHER_COMMIT, {"config.json": b"[]", "model.safetensors": b"new"}
    assert cached(f"{URI}@v2").report["commit"] == OTHER_COMMIT
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    assert cached(URI) == first
    assert served(tmp_path / "model") == MODEL
    assert cached(f"{URI}@v2").report["commit"] == OTHER_COMMIT
    assert served(tmp_path / "model") == hub.files
    for args in (f"{URI}@v3",), (URI, "--revision", "c" * 40), (URI, "--allow-pickle"), ("hf://org/other",):
        ended = cached(*args)
        assert (ended.report["reason"], ended.report["transient"]) == ("HubUnreachable", True), args


def test_an_answer_of_the_hub_is_no_outage(cached: Fetch, hub: TinyHub) -> None:
    cached(URI)
    hub.refuse = (404, {"X-Error-Code": "RepoNotFound"})
    assert cached(URI).report["reason"] == "ModelNotFound"
    assert cached(URI, "--revision", COMMIT).status == 0, "nobody is asked"


def test_a_branch_that_moves_is_another_entry(cached: Fetch, hub: TinyHub, cache: Path, tmp_path: Path) -> None:
    cached(URI)
    hub.commit, hub.files = OTHER_COMMIT, {"config.json": b"[]", "model.safetensors": b"new"}
    assert cached(URI).report["commit"] == OTHER_COMMIT
    assert served(tmp_path / "model") == hub.files, "nothing of the other commit stays"
    assert served(cache / ENTRY).items() >= MODEL.items(), "whom the first one serves keeps it"
    assert cached(URI, "--revision", COMMIT).status == 0
    assert served(tmp_path / "model") == MODEL


def test_gguf(cached: Fetch, hub: TinyHub, cache: Path, tmp_path: Path) -> None:
    hub.files = {"q/m-Q4.gguf": b"GGUF"}
    assert cached(URI, engine="LlamaCpp").status == 0
    link = tmp_path / "model/model.gguf"
    assert link.read_bytes() == b"GGUF"
    assert link.resolve() == cache / f"org--model--{COMMIT}--gguf/q/m-Q4.gguf"


@pytest.mark.parametrize("damage", ["shorter", "gone", "unmarked"])
def test_an_entry_that_is_not_whole_is_made_whole(cached: Fetch, hub: TinyHub, cache: Path, damage: str) -> None:
    cached(URI)
    weights = cache / ENTRY / "model.safetensors"
    if damage == "shorter":
        weights.write_bytes(b"short")
    elif damage == "gone":
        weights.unlink()
    else:
        found = record.load(cache / ENTRY)
        assert found is not None
        record.save(replace(found, complete=False), cache / ENTRY)
    hub.asked.clear()
    assert cached(URI, "--revision", COMMIT).status == 0
    fetched = [line.split("/", 5)[-1] for line in hub.asked if line.startswith("GET /org/")]
    assert fetched == ([] if damage == "unmarked" else ["model.safetensors"])
    assert weights.read_bytes() == MODEL["model.safetensors"]


def test_not_enough_disk_says_what_could_go(cached: Fetch, hub: TinyHub, cache: Path) -> None:
    little = Machine(free_bytes=lambda folder: 1 << 20, sleep=lambda seconds: None)
    ended = cached(URI, machine=little)
    assert ended.report["reason"] == "NotEnoughDisk"
    assert "modelberth cache prune" not in ended.report["message"], "there is nothing else"
    assert not [line for line in hub.asked if line.startswith("GET /org/")], "before the first byte"
    cached(URI)
    hub.commit = OTHER_COMMIT
    message = cached(URI, machine=little).report["message"]
    assert "The cache holds 1 other entries with 0.5 MiB" in message
    assert "`modelberth cache prune`" in message


def test_room_is_not_needed_for_what_is_there(cached: Fetch) -> None:
    cached(URI)
    assert cached(URI, machine=Machine(free_bytes=lambda folder: 0)).status == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.EACCES, f"runs as uid {os.geteuid()}"),
        (errno.EROFS, "Read-only file system"),
        (errno.ENOLCK, "with locks (flock)"),
    ],
)
def test_a_volume_that_will_not_do(cached: Fetch, monkeypatch: pytest.MonkeyPatch, error: int, words: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refuse)
    report = cached(URI).report
    assert (report["reason"], report["transient"]) == ("DownloadFailed", False)
    assert words in report["message"]


def test_the_cache_is_a_file(cached: Fetch, cache: Path) -> None:
    cache.write_text("")
    assert "cannot be used" in cached(URI).report["message"]


@pytest.mark.parametrize("commit", ["../../outside", "main", "", "A" * 40])
def test_a_hub_that_calls_something_else_a_commit(cached: Fetch, hub: TinyHub, cache: Path, commit: str) -> None:
    hub.commit = commit
    assert cached(URI).report["reason"] == "HubUnreachable"
    assert not list(cache.glob("[!.]*"))


def test_a_record_that_somebody_forged(cached: Fetch, cache: Path, tmp_path: Path) -> None:
    """Everybody with the volume writes there: no link leads to where a record points outside."""
    cached(URI)
    found = record.load(cache / ENTRY)
    assert found is not None
    secret = cache / "secret"
    secret.write_text("mine")
    forged = replace(found.files[0], path="../secret", size=4)
    record.save(replace(found, files=(forged,)), cache / ENTRY)
    assert cached(URI, "--revision", COMMIT).status == 0
    assert served(tmp_path / "model") == MODEL
