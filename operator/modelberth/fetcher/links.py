"""What the engine's command line names: DIR/FILE and DIR/model.gguf, wherever the files themselves are."""

import os
from pathlib import Path

from modelberth.fetcher.record import Record

GGUF_LINK = "model.gguf"


def link_gguf(gguf: str | None, folder: Path) -> None:
    """DIR/model.gguf, the path that the engine's command line knows before the repository is."""
    if gguf is not None and gguf != GGUF_LINK:
        _replace(folder / GGUF_LINK, Path(gguf))


def link_entry(record: Record, entry: Path, folder: Path) -> None:
    """DIR/FILE for every file of an entry of a cache, and none for those of another entry that was there before."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in list(folder.rglob("*")):
        if path.is_symlink():
            path.unlink()
    for file in record.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, entry / file.path)
    link_gguf(record.gguf, folder)


def _replace(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    os.symlink(target, link)
