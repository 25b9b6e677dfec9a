"""What pruning takes away: what nobody uses, and nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.fetcher import lock, record
from modelberth.fetcher.cache import ANSWERS
from modelberth.fetcher.entry import Entry
from modelberth.fetcher.entry_names import entry_name
from modelberth.fetcher.prune import Pruning, prune, verdict
from modelberth.fetcher.record import Record
from modelberth.fetcher.resolve import RemoteFile
from modelberth.fetcher.stored import Stored, stored_entries
from modelberth.ports.model_files.selection import Wish

NOW = 1_800_000_000.0
WISH = Wish("vLLM")
OLD, NEW = "a" * 40, "b" * 40


def made(root: Path, commit: str, age_s: float = 3600.0, complete: bool = True) -> Entry:
    """An entry that was last used so many seconds before NOW."""
    entry = Entry(root, entry_name("org/m", commit, WISH))
    entry.folder.mkdir(parents=True)
    entry.lock.parent.mkdir(exist_ok=True)
    (entry.folder / "model.safetensors").write_bytes(b"12345")
    files = (RemoteFile("model.safetensors", 5),)
    record.save(Record("org/m", "main", WISH, commit, files, complete=complete), entry.folder)
    for path in entry.folder.iterdir():
        os.utime(path, (NOW - age_s, NOW - age_s))
    return entry


def pruned(root: Path, pruning: Pruning) -> dict[str, str]:
    """What became of each commit."""
    return {stored.commit[0]: judged for stored, judged in prune(root, pruning, NOW)}


@pytest.mark.parametrize("complete", [True, False])
def test_what_nobody_uses_goes(tmp_path: Path, complete: bool) -> None:
    used, unused = made(tmp_path, NEW), made(tmp_path, OLD, complete=complete)
    assert pruned(tmp_path, Pruning([used.name], dry_run=True)) == {"a": "unused", "b": "kept"}
    assert unused.folder.exists()
    assert pruned(tmp_path, Pruning([used.name])) == {"a": "removed", "b": "kept"}
    assert [stored.name for stored in stored_entries(tmp_path)] == [used.name]
    assert used.complete()


def test_a_pattern_keeps_every_commit(tmp_path: Path) -> None:
    made(tmp_path, NEW), made(tmp_path, OLD)
    assert pruned(tmp_path, Pruning(["org--m--*--model"])) == {"a": "kept", "b": "kept"}
    assert pruned(tmp_path, Pruning(["org--m--*--gguf"], dry_run=True)) == {"a": "unused", "b": "unused"}


def test_what_was_used_just_now_stays(tmp_path: Path) -> None:
    made(tmp_path, NEW, age_s=30), made(tmp_path, OLD, age_s=3600)
    assert pruned(tmp_path, Pruning([])) == {"a": "removed", "b": "recent"}
    assert pruned(tmp_path, Pruning([], recent_s=10)) == {"b": "removed"}


def test_a_part_that_grows_is_use(tmp_path: Path) -> None:
    entry = made(tmp_path, OLD, complete=False)
    parts = entry.folder / ".fetch"
    parts.mkdir()
    (parts / "0.part").write_bytes(b"1")
    os.utime(parts / "0.part", (NOW - 5, NOW - 5))
    assert pruned(tmp_path, Pruning([])) == {"a": "recent"}


def test_what_is_being_downloaded_stays(tmp_path: Path) -> None:
    entry = made(tmp_path, OLD)
    with lock.held(entry.lock, lambda: None):
        assert stored_entries(tmp_path)[0].locked
        assert pruned(tmp_path, Pruning([])) == {"a": "downloading"}
    assert pruned(tmp_path, Pruning([])) == {"a": "removed"}


def test_a_fetch_that_comes_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has touched the entry, or holds its lock, when the pruning gets there."""
    entry = made(tmp_path, OLD)

    def seen(root: Path) -> list[Stored]:
        found = stored_entries(root)
        os.utime(entry.folder / record.NAME, (NOW, NOW))
        return found

    monkeypatch.setattr("modelberth.fetcher.prune.stored_entries", seen)
    assert pruned(tmp_path, Pruning([])) == {"a": "recent"}
    assert entry.complete()
    with lock.held(entry.lock, lambda: None):
        monkeypatch.setattr("modelberth.fetcher.stored.lock.is_held", lambda path: False)
        assert pruned(tmp_path, Pruning([], recent_s=0)) == {"a": "downloading"}


def test_what_is_no_entry_is_left_alone(tmp_path: Path) -> None:
    made(tmp_path, OLD)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    (tmp_path / entry_name("org/linked", OLD, WISH)).symlink_to(elsewhere)
    (tmp_path / entry_name("org/file", OLD, WISH)).write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    assert pruned(tmp_path, Pruning([])) == {"a": "removed"}
    assert before - {path.name for path in tmp_path.iterdir()} == {entry_name("org/m", OLD, WISH)}
    assert (elsewhere / "file").read_text() == "mine"


def test_answers_about_branches_go_with_the_last_entry(tmp_path: Path) -> None:
    made(tmp_path, OLD), made(tmp_path, NEW)
    answers = tmp_path / ANSWERS
    answers.mkdir()
    for name, text in {"old": OLD, "new": NEW, "strange": "?"}.items():
        (answers / name).write_text(text)
    pruned(tmp_path, Pruning([f"*{NEW}*"], dry_run=True))
    assert len(list(answers.iterdir())) == 3
    pruned(tmp_path, Pruning([f"*{NEW}*"]))
    assert {path.name for path in answers.iterdir()} == {"new", "strange"}


STORED = st.builds(
    Stored,
    name=st.sampled_from([entry_name("org/m", commit, WISH) for commit in (OLD, NEW)]),
    repo=st.just("org/m"),
    commit=st.just(OLD),
    bytes=st.integers(0),
    complete=st.booleans(),
    locked=st.booleans(),
    used_at=st.floats(0, 2 * NOW),
)


@given(
    STORED, st.lists(st.sampled_from([entry_name("org/m", OLD, WISH), "org--m--*", "*--gguf", "["])), st.floats(0, NOW)
)
def test_only_what_nobody_wants_is_unused(stored: Stored, keep: list[str], recent_s: float) -> None:
    if verdict(stored, Pruning(keep, recent_s), NOW) == "unused":
        assert stored.name not in keep
        assert "org--m--*" not in keep
        assert not stored.locked
        assert NOW - stored.used_at >= recent_s
