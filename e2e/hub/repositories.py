"""Repositories on disk: `ORG/NAME/` is revision main, `ORG/NAME@REVISION/` another revision of the same repository.

A revision's name in a folder is percent-encoded (`refs%2Fpr%2F1`). `.hub.json` in a repository's main folder says what
the hub's own settings would: {"private": true} or {"gated": "manual"}. It is not served.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import unquote

DEFAULT_REVISION = "main"
SETTINGS_FILE = ".hub.json"

_LFS_SUFFIXES = frozenset({".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".msgpack"})
_LFS_SIZE = 10_000_000  # bytes; git on the hub refuses larger files
_CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    """One file of a revision: its path in the repository, its size in bytes and the ids the hub gives it."""

    path: str
    location: Path
    size: int
    sha256: str
    git_sha1: str

    @property
    def is_lfs(self) -> bool:
        """Whether git holds a pointer only."""
        return self.location.suffix in _LFS_SUFFIXES or self.size > _LFS_SIZE

    @property
    def pointer(self) -> bytes:
        """The Git LFS pointer that stands for this file in git."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def blob_id(self) -> str:
        """The id of what git holds: the pointer of an LFS file, the content of any other."""
        return _git_blob_id(self.pointer) if self.is_lfs else self.git_sha1

    @property
    def etag(self) -> str:
        """What the hub answers as ETag, and what huggingface-hub names its cached blob by."""
        return self.sha256 if self.is_lfs else self.git_sha1


@dataclass(frozen=True)
class Snapshot:
    """One commit: files by path; `commit` depends on nothing but their names and contents."""

    commit: str
    files: dict[str, StoredFile]


@dataclass(frozen=True)
class Repository:
    """Snapshots by revision name, and who may read them."""

    name: str
    snapshots: dict[str, Snapshot]
    private: bool
    gated: str | None

    def find(self, revision: str) -> Snapshot | None:
        """The snapshot of a branch, a tag or a full commit id."""
        if revision in self.snapshots:
            return self.snapshots[revision]
        return next((snapshot for snapshot in self.snapshots.values() if snapshot.commit == revision), None)


class RepositoryFolder:
    """Reads the disk at every request, so that a test may change a repository; hashes are kept until a file changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hashes: dict[tuple[Path, int, int], tuple[str, str]] = {}
        self._lock = Lock()

    def names(self) -> list[str]:
        """Every `ORG/NAME`."""
        folders = (path for path in self._root.glob("*/*") if path.is_dir() and not path.name.startswith("."))
        return sorted({f"{path.parent.name}/{path.name.partition('@')[0]}" for path in folders})

    def get(self, name: str) -> Repository | None:
        """The repository called `ORG/NAME`."""
        org, _, short = name.partition("/")
        # Not joined to a path before this: a name may hold "..".
        if name not in self.names():
            return None
        main = self._root / org / short
        snapshots = {DEFAULT_REVISION: self._snapshot(main)} if main.is_dir() else {}
        for folder in sorted(main.parent.glob(f"{short}@*")):
            snapshots[unquote(folder.name.partition("@")[2])] = self._snapshot(folder)
        settings_file = main / SETTINGS_FILE
        settings = json.loads(settings_file.read_text()) if settings_file.exists() else {}
        return Repository(name, snapshots, bool(settings.get("private", False)), settings.get("gated"))

    def _snapshot(self, folder: Path) -> Snapshot:
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SETTINGS_FILE)
        files = {file.path: file for file in (self._file(folder, path) for path in paths)}
        digest = hashlib.sha1(usedforsecurity=False)
        for file in files.values():
            digest.update(f"{file.path}\0{file.sha256}\n".encode())
        return Snapshot(digest.hexdigest(), files)

    def _file(self, folder: Path, path: Path) -> StoredFile:
        status = path.stat()
        key = (path, status.st_size, status.st_mtime_ns)
        with self._lock:
            if key not in self._hashes:
                self._hashes[key] = _hash(path, status.st_size)
            sha256, git_sha1 = self._hashes[key]
        return StoredFile(path.relative_to(folder).as_posix(), path, status.st_size, sha256, git_sha1)


def _hash(path: Path, size: int) -> tuple[str, str]:
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            sha1.update(chunk)
    return sha256.hexdigest(), sha1.hexdigest()


def _git_blob_id(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
