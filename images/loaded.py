"""Remembers which content of an image a cluster was given.

The tags of engine images are versions, as the engines' own are, so a tag alone does not tell whether the Dockerfile
has changed since.
"""

from __future__ import annotations

import json
from pathlib import Path

from e2e.cluster.paths import paths
from images.locks import locked


class LoadedContents:
    """A small JSON file, one per cluster name: `WAY/REFERENCE` -> content hash, WAY being how the cluster came up."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths().loaded

    def get(self, way: str, reference: str) -> str | None:
        """The content hash last loaded under this name, None if unknown."""
        return self._read().get(f"{way}/{reference}")

    def set(self, way: str, reference: str, content: str) -> None:
        """Remember what was loaded."""
        with locked(self._file.with_suffix(".lock")):
            contents = self._read() | {f"{way}/{reference}": content}
            scratch = self._file.with_suffix(".new")
            scratch.write_text(json.dumps(contents, indent=2, sort_keys=True) + "\n")
            scratch.replace(self._file)

    def _read(self) -> dict[str, str]:
        try:
            contents: dict[str, str] = json.loads(self._file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return contents
