"""The real huggingface-hub client against the hub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from huggingface_hub import constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.conftest import RunningHub, safetensors_bytes, write_repository

PUBLIC = "acme/public"


def test_model_info_has_sizes_and_lfs_ids(running: RunningHub) -> None:
    info = running.api().model_info(PUBLIC, files_metadata=True)
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    weights = (running.root / PUBLIC / "model.safetensors").read_bytes()
    lfs = siblings["model.safetensors"].lfs
    assert lfs is not None
    assert (lfs.size, lfs.sha256) == (len(weights), hashlib.sha256(weights).hexdigest())
    assert siblings["config.json"].size == 23
    assert siblings["config.json"].lfs is None


def test_model_info_without_blobs_has_names_only(running: RunningHub) -> None:
    siblings = running.api().model_info(PUBLIC).siblings or []
    assert [sibling.size for sibling in siblings] == [None] * 4


def test_small_files_have_the_id_that_git_gives_them(running: RunningHub) -> None:
    (file,) = running.api().get_paths_info(PUBLIC, "config.json")
    content = (running.root / PUBLIC / "config.json").read_bytes()
    blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    assert getattr(file, "blob_id", None) == blob_id


def test_snapshot_download_brings_every_file(running: RunningHub) -> None:
    path = Path(snapshot_download(PUBLIC, endpoint=running.url, cache_dir=running.cache, token=False))
    assert path.name == running.api().model_info(PUBLIC).sha
    served = running.root / PUBLIC
    for file in (file for file in served.rglob("*") if file.is_file()):
        assert (path / file.relative_to(served)).read_bytes() == file.read_bytes()


def test_one_file_of_a_revision(running: RunningHub) -> None:
    path = hf_hub_download(
        PUBLIC, "config.json", revision="v1", endpoint=running.url, cache_dir=running.cache, token=False
    )
    assert Path(path).read_text() == "{}"


def test_a_revision_with_slashes(running: RunningHub) -> None:
    revision = "refs/pr/1"
    path = hf_hub_download(
        PUBLIC, "config.json", revision=revision, endpoint=running.url, cache_dir=running.cache, token=False
    )
    assert Path(path).read_text() == "[]"


def test_a_commit_is_a_revision(running: RunningHub) -> None:
    sha = running.api().model_info(PUBLIC, revision="v1").sha
    assert sha is not None
    assert running.api().model_info(PUBLIC, revision=sha).sha == sha
    assert sha != running.api().model_info(PUBLIC).sha


def test_a_changed_file_is_a_new_commit(running: RunningHub) -> None:
    before = running.api().model_info(PUBLIC).sha
    (running.root / PUBLIC / "config.json").write_text('{"model_type": "qwen3"}')
    assert running.api().model_info(PUBLIC).sha != before


def test_files_and_refs_are_listed(running: RunningHub) -> None:
    api = running.api()
    assert "onnx/deep/readme.txt" in api.list_repo_files(PUBLIC)
    refs = api.list_repo_refs(PUBLIC)
    assert [branch.name for branch in refs.branches] == ["main"]
    assert sorted(tag.name for tag in refs.tags) == ["refs/pr/1", "v1"]
    assert api.file_exists(PUBLIC, "config.json")
    assert not api.file_exists(PUBLIC, "absent.json")


def test_a_tree_is_listed_level_by_level_or_whole(running: RunningHub) -> None:
    api = running.api()
    assert [entry.path for entry in api.list_repo_tree(PUBLIC, "onnx")] == ["onnx/deep", "onnx/model.onnx"]
    whole = [entry.path for entry in api.list_repo_tree(PUBLIC, recursive=True)]
    assert whole == [
        *("config.json", "model.safetensors"),
        *("onnx", "onnx/deep", "onnx/deep/readme.txt", "onnx/model.onnx"),
    ]


def test_safetensors_metadata_reads_the_header_only(running: RunningHub) -> None:
    metadata = running.api().get_safetensors_metadata(PUBLIC)
    assert metadata.parameter_count == {"F32": 300_000}
    (line,) = running.logged("range=bytes=")
    assert 0 < int(line.split("sent=")[1].split()[0]) <= 100_001


def test_the_elements_are_counted_as_the_hub_does(running: RunningHub) -> None:
    weights = safetensors_bytes(7)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    files = {
        "model.safetensors.index.json": json.dumps(index).encode(),
        **dict.fromkeys(index["weight_map"].values(), weights),
    }
    write_repository(running.root / "acme/shards", files)
    write_repository(running.root / "acme/damaged", {"model.safetensors": b"no weights at all"})
    for name, total in ((PUBLIC, 300_000), ("acme/shards", 14)):
        found = running.api().model_info(name, expand=["safetensors"]).safetensors
        assert found is not None
        assert (found.parameters, found.total) == ({"F32": total}, total)
    assert running.api().model_info("acme/damaged").safetensors is None


def test_missing_things_raise_what_the_hub_raises(running: RunningHub) -> None:
    api = running.api()
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("acme/absent")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(PUBLIC, revision="absent")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(PUBLIC, "absent.json", endpoint=running.url, cache_dir=running.cache, token=False)


def test_a_private_repository_looks_missing(running: RunningHub) -> None:
    answers = []
    for name in ("acme/private", "acme/absent"):
        with pytest.raises(RepositoryNotFoundError) as raised:
            running.api().model_info(name)
        response = raised.value.response
        answers.append((response.status_code, response.headers["X-Error-Code"], response.text))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    with pytest.raises(RepositoryNotFoundError) as raised:
        running.api("stranger").model_info("acme/private")
    assert raised.value.response.status_code == 404
    assert running.api("reader").model_info("acme/private").private is True


def test_a_gated_repository_shows_itself_but_not_its_files(running: RunningHub) -> None:
    assert running.api().model_info("acme/gated").gated == "manual"
    for token, status in ((False, 401), ("stranger", 403)):
        with pytest.raises(GatedRepoError) as raised:
            running.api(token).hf_hub_download("acme/gated", "config.json", cache_dir=running.cache)
        assert raised.value.response.status_code == status
    assert Path(running.api("reader").hf_hub_download("acme/gated", "config.json", cache_dir=running.cache)).exists()


def test_a_token_that_nobody_issued_is_refused(running: RunningHub) -> None:
    with pytest.raises(HfHubHTTPError) as raised:
        running.api("made-up").model_info(PUBLIC)
    assert raised.value.response.status_code == 401
    assert "made-up" not in "".join(running.log)


def test_a_cut_download_is_resumed(running: RunningHub) -> None:
    # The client keeps what it got in pieces; their size is set for the process by whoever imports the client first.
    weights = safetensors_bytes(3_000_000)
    (running.root / PUBLIC / "model.safetensors").write_bytes(weights)
    running.hub.faults.cut_after, running.hub.faults.cuts = 11_000_000, 1
    path = hf_hub_download(PUBLIC, "model.safetensors", endpoint=running.url, cache_dir=running.cache, token=False)
    assert Path(path).read_bytes() == weights
    piece = constants.DOWNLOAD_CHUNK_SIZE
    assert running.logged(f"range=bytes={11_000_000 // piece * piece}-")


def test_an_outage_ends(running: RunningHub) -> None:
    running.hub.faults.outages = 1
    with pytest.raises(HfHubHTTPError) as raised:
        running.api().model_info(PUBLIC)
    assert raised.value.response.status_code == 503
    assert running.api().model_info(PUBLIC).id == PUBLIC
