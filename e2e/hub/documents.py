"""The JSON documents of the Hub's API (https://huggingface.co/docs/hub/api), from data on disk."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from e2e.hub import parameters
from e2e.hub.repositories import DEFAULT_REVISION, Repository, Snapshot, StoredFile

_DATE = "2025-01-01T00:00:00.000Z"  # fixed: the same content is the same document


def model_info(repository: Repository, snapshot: Snapshot, *, blobs: bool) -> dict[str, Any]:
    """`/api/models/ORG/NAME`; with `blobs`, sizes in bytes and LFS ids too."""
    document = {
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.partition("/")[0],
        "sha": snapshot.commit,
        "private": repository.private,
        "gated": repository.gated or False,
        "disabled": False,
        "lastModified": _DATE,
        "createdAt": _DATE,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [_sibling(file, blobs=blobs) for file in snapshot.files.values()],
    }
    counted = parameters.summary(snapshot)
    return document if counted is None else document | {"safetensors": counted}


def _sibling(file: StoredFile, *, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        sibling |= {"size": file.size, "blobId": file.blob_id}
        if file.is_lfs:
            sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
    return sibling


def tree(snapshot: Snapshot, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """`/api/models/ORG/NAME/tree/REVISION/FOLDER`: files and folders below `folder` ("" is the root)."""
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for file in snapshot.files.values():
        if not file.path.startswith(prefix):
            continue
        parts = file.path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            path = prefix + "/".join(parts[:depth])
            entries.setdefault(path, {"type": "directory", "path": path, "oid": snapshot.commit, "size": 0})
        if recursive or len(parts) == 1:
            entries[file.path] = _tree_file(file)
    return list(entries.values())


def _tree_file(file: StoredFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": file.path, "size": file.size, "oid": file.blob_id}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
    return entry


def paths_info(snapshot: Snapshot, paths: Collection[str]) -> list[dict[str, Any]]:
    """`/api/models/ORG/NAME/paths-info/REVISION`: the tree's entries for these paths; unknown ones are left out."""
    return [entry for entry in tree(snapshot, "", recursive=True) if entry["path"] in paths]


def refs(repository: Repository) -> dict[str, Any]:
    """`/api/models/ORG/NAME/refs`: main is a branch, every other revision a tag."""
    listed: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": []}
    for name, snapshot in repository.snapshots.items():
        kind, ref = ("branches", "heads") if name == DEFAULT_REVISION else ("tags", "tags")
        listed[kind].append({"name": name, "ref": f"refs/{ref}/{name}", "targetCommit": snapshot.commit})
    return listed
