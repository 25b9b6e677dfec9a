"""The hash of everything an image is built from: the same hash, the same image, nothing to build."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from images.catalog import ROOT, Image

LABEL = "dev.modelberth.content"
"""The image label that holds the hash."""

_LENGTH = 12  # hexadecimal digits
_IGNORED_SUFFIXES = frozenset({".pyc", ".md"})


def content_hash(image: Image, models_key: str = "", root: Path = ROOT) -> str:
    """Names and contents of the Dockerfile and the inputs; `models_key` stands for the models inside, if any.

    What Debian and PyPI serve on the day of the build is not in it: Python packages are pinned by hash, and Debian's
    updates come with the next change or with `--rebuild`.
    """
    digest = hashlib.sha256(models_key.encode())
    for path in sorted({root / image.dockerfile, *_files(image, root)}):
        executable = b"x" if path.stat().st_mode & 0o100 else b"-"
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + executable)
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:_LENGTH]


def _files(image: Image, root: Path) -> Iterator[Path]:
    for name in image.inputs:
        path = root / name
        if path.is_file():
            yield path  # named itself, so it counts whatever its suffix
        for file in path.rglob("*"):
            if file.is_file() and file.suffix not in _IGNORED_SUFFIXES:
                yield file
