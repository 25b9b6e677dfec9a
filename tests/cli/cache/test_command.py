"""`modelberth cache`, on a folder and against a cluster whose pods run for real."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from modelberth.cli.cache import runner
from modelberth.fetcher import record
from modelberth.fetcher.entry_names import commit_of
from modelberth.fetcher.record import Record
from modelberth.fetcher.resolve import RemoteFile
from modelberth.ports.model_files.selection import Wish
from tests.cli.command import Done, modelberth

from .conftest import Cluster
from .objects import COMMIT, ENTRY, IMAGE, deployment, pod

Raw = dict[str, Any]
UNUSED = f"org--m--{'b' * 40}--model"
CLAIM = ("--namespace", "models", "--claim", "weights")


def entry(root: Path, name: str, age_s: float = 7200.0) -> Path:
    """A complete entry."""
    folder = root / name
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(1 << 20))
    files = (RemoteFile("model.safetensors", 1 << 20),)
    record.save(Record("org/m", "main", Wish("vLLM"), commit_of(name) or "", files, complete=True), folder)
    then = time.time() - age_s
    for path in folder.iterdir():
        os.utime(path, (then, then))
    return folder


@pytest.fixture
def filled(cluster: Cluster) -> Cluster:
    """One entry that a Deployment uses, one that nobody does."""
    entry(cluster.root, ENTRY), entry(cluster.root, UNUSED)
    cluster.deployments = [deployment("llama")]
    return cluster


def left(cluster: Cluster) -> set[str]:
    return {path.name for path in cluster.root.glob("[!.]*")}


def rows(done: Done) -> dict[str, Raw]:
    return {row["entry"]: row for row in json.loads(done.out)}


def test_a_folder(tmp_path: Path) -> None:
    entry(tmp_path, ENTRY, age_s=65)
    done = modelberth("cache", "list", "--dir", str(tmp_path))
    assert done.code == 0
    heading, line = done.out.splitlines()
    assert heading.split("  ")[0] == "ENTRY"
    assert line.split() == [ENTRY, "1.0", "MiB", "complete", "1", "min", line.split()[6], "s", "ago"]
    found = rows(modelberth("cache", "list", "--dir", str(tmp_path), "--json"))[ENTRY]
    assert (found["repo"], found["commit"], found["state"]) == ("org/m", COMMIT, "complete")


def test_pruning_a_folder_asks_what_is_to_stay(tmp_path: Path) -> None:
    entry(tmp_path, ENTRY), entry(tmp_path, UNUSED)
    done = modelberth("cache", "prune", "--dir", str(tmp_path))
    assert (done.code, "--keep" in done.err) == (1, True)
    done = modelberth("cache", "prune", "--dir", str(tmp_path), "--keep", ENTRY, "--dry-run")
    assert [line.split()[-1] for line in done.out.splitlines()[1:]] == ["kept", "unused"]
    assert modelberth("cache", "prune", "--dir", str(tmp_path), "--keep", ENTRY).code == 0
    assert {path.name for path in tmp_path.glob("[!.]*")} == {ENTRY}
    assert modelberth("cache", "prune", "--dir", str(tmp_path), "--keep").code == 0
    assert modelberth("cache", "list", "--dir", str(tmp_path)).out == "The cache is empty.\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["list", "--dir", "/nonexistent"], "/nonexistent: No such file or directory"),
        (["list", "--host-path", "/x"], "--node"),
        (["list"], "is required"),
        (["list", "--dir", "/x", "--claim", "y"], "not allowed with"),
    ],
)
def test_what_cannot_be(args: list[str], words: str) -> None:
    done = modelberth("cache", *args)
    assert done.code != 0
    assert words in done.err


def test_list(filled: Cluster) -> None:
    done = modelberth("cache", "list", *CLAIM)
    assert done.code == 0, done.err
    assert [line.split("  ")[-1].strip() for line in done.out.splitlines()] == [
        "USED BY",
        "Deployment models/llama",
        "nobody",
    ]
    (made,) = filled.created
    assert filled.deleted == [made["metadata"]["name"]]
    assert left(filled) == {ENTRY, UNUSED}


def test_the_pod_is_restricted_and_runs_where_the_volume_is(filled: Cluster) -> None:
    filled.pods = [pod("llama-1", node="gpu-1")]
    assert modelberth("cache", "list", *CLAIM).code == 0
    spec = filled.created[0]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == IMAGE
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["volumes"] == [{"name": "cache", "persistentVolumeClaim": {"claimName": "weights"}}]
    assert container["volumeMounts"] == [{"name": "cache", "mountPath": "/cache"}]
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"][0]["values"] == ["gpu-1"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not spec["automountServiceAccountToken"]
    assert spec["activeDeadlineSeconds"] == 900


def test_prune_asks_first(filled: Cluster) -> None:
    refused = modelberth("cache", "prune", *CLAIM, stdin="n\n")
    assert refused.code == 1
    assert "Delete 1 entries with 1.0 MiB? [y/N]" in refused.err
    assert "Nothing was deleted." in refused.err
    assert left(filled) == {ENTRY, UNUSED}
    done = modelberth("cache", "prune", *CLAIM, "--json", stdin="y\n")
    assert {name: row["verdict"] for name, row in rows(done).items()} == {ENTRY: "kept", UNUSED: "removed"}
    assert left(filled) == {ENTRY}
    assert len(filled.created) == len(filled.deleted) == 3


def test_prune_without_questions(filled: Cluster) -> None:
    assert modelberth("cache", "prune", *CLAIM, "--dry-run").code == 0
    assert left(filled) == {ENTRY, UNUSED}
    assert modelberth("cache", "prune", *CLAIM, "--yes", "--keep", UNUSED).code == 0
    assert left(filled) == {ENTRY, UNUSED}
    assert modelberth("cache", "prune", *CLAIM, "--yes").code == 0
    assert left(filled) == {ENTRY}


def test_nothing_to_delete_is_no_question(filled: Cluster) -> None:
    filled.pods = [pod("old", arguments=[*deployment_args(), "--revision", "b" * 40])]
    done = modelberth("cache", "prune", *CLAIM)
    assert (done.code, "y/N" in done.err) == (0, False)
    assert left(filled) == {ENTRY, UNUSED}


def deployment_args() -> list[str]:
    return ["fetch", "hf://org/m", "--to", "/models", "--engine", "vLLM", "--cache", "/cache"]


def test_who_comes_while_the_question_stands_keeps_its_entry(filled: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses what is looked up again after the answer."""

    def consent(args: Any) -> Any:
        def yes(found: list[Raw]) -> bool:
            filled.deployments.append(deployment("new", arguments=[*deployment_args(), "--revision", "b" * 40]))
            return True

        return yes

    monkeypatch.setattr("modelberth.cli.cache.command._consent", consent)
    assert modelberth("cache", "prune", *CLAIM).code == 0
    assert left(filled) == {ENTRY, UNUSED}


def test_strangers_stop_it(filled: Cluster) -> None:
    filled.pods = [pod("toolbox", arguments=None)]
    done = modelberth("cache", "prune", *CLAIM, "--yes")
    assert done.code == 1
    assert "Pod models/toolbox mounts the cache too" in done.err
    assert left(filled) == {ENTRY, UNUSED}
    assert filled.created == []
    assert modelberth("cache", "prune", *CLAIM, "--yes", "--ignore-others").code == 0
    assert left(filled) == {ENTRY}


def test_a_directory_of_a_node(filled: Cluster) -> None:
    """Everybody in the cluster may mount it."""
    volume = {"hostPath": {"path": "/weights"}}
    filled.deployments, filled.pods = [], [pod("llama-1", node="gpu-1", volume=volume)]
    place = ("-n", "tools", "--host-path", "/weights", "--node", "gpu-1")
    assert modelberth("cache", "prune", *place, "--yes").code == 0
    assert left(filled) == {ENTRY}
    made = filled.created[0]
    assert made["metadata"]["namespace"] == "tools"
    assert made["spec"]["volumes"][0]["hostPath"] == {"path": "/weights", "type": "Directory"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"phase": "Failed"}, "ended as Failed: no space"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}],
            },
            "does not start: 0/3 nodes are available",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}}}],
            },
            "does not start: ErrImagePull: denied",
        ),
    ],
)
def test_a_pod_that_cannot(filled: Cluster, monkeypatch: pytest.MonkeyPatch, status: Raw, words: str) -> None:
    monkeypatch.setattr(runner, "START_S", 0.0)
    filled.status, filled.log = status, "no space\n"
    done = modelberth("cache", "list", *CLAIM)
    assert done.code == 1
    assert words in done.err
    assert len(filled.deleted) == 1, "it is deleted all the same"


@pytest.mark.parametrize("log", ["", "not JSON", '{"reason": "what"}\nTraceback'])
def test_a_pod_that_says_nonsense(filled: Cluster, log: str) -> None:
    filled.status, filled.log = {"phase": "Succeeded"}, log
    done = modelberth("cache", "list", *CLAIM)
    assert (done.code, "printed no list of entries" in done.err) == (1, True)


@pytest.mark.parametrize(
    "forbidden", ["GET /apis/apps/v1/namespaces/models/deployments", "GET /api/v1/namespaces/models/pods"]
)
def test_who_may_not_look_deletes_nothing(filled: Cluster, forbidden: str) -> None:
    filled.forbidden = forbidden
    done = modelberth("cache", "prune", *CLAIM, "--yes")
    assert done.code == 1
    assert "is forbidden" in done.err
    assert filled.created == []
