"""python -m e2e.models.make [OUT]: write SmolLM2-135M-Instruct as GGUF, bf16, AWQ and GPTQ repositories, and shapes."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from e2e.hub.repositories import SETTINGS_FILE
from e2e.models.shapes import write_shapes
from e2e.models.source import SOURCE_LOCK, fetch_gguf

MODEL = "SmolLM2-135M-Instruct"


def ensure(cache: Path | None = None) -> Path:
    """Return the folder that holds the repositories, making it first if this version is not cached (about 20 s).

    The cache is `$XDG_CACHE_HOME/modelberth/models/KEY`, KEY being a hash of the source's pin and of this code.
    Older versions are removed: nothing but a rebuild would use them.
    """
    root = cache or _cache_root()
    current = key()
    made = root / current
    if made.is_dir():
        return made
    root.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="making-", dir=root))
    try:
        _make(scratch)
        scratch.chmod(0o755)
        scratch.rename(made)
    except OSError:
        if not made.is_dir():  # a second run may have been faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for other in root.iterdir():
        if other.name != current and not other.name.startswith("making-"):
            shutil.rmtree(other)
    return made


def _make(folder: Path) -> None:
    # Imported here: whoever only asks where the models are needs neither numpy nor gguf.
    from e2e.models.checkpoint import FORMATS, write_checkpoint
    from e2e.models.gguf_model import read_gguf

    gguf = folder / f"{MODEL}-GGUF" / f"{MODEL}.Q4_1.gguf"
    gguf.parent.mkdir(parents=True)
    fetch_gguf(gguf)
    model = read_gguf(gguf)
    for layout in FORMATS:
        write_checkpoint(model, folder / f"{MODEL}{layout.suffix}", layout)
    _write_private(gguf, folder / f"{MODEL}-GGUF-private")
    write_shapes(folder)


def _write_private(gguf: Path, folder: Path) -> None:
    """The same file in a repository that needs a token (e2e/hub/hub.yaml grants it)."""
    folder.mkdir()
    (folder / gguf.name).symlink_to(Path("..") / gguf.parent.name / gguf.name)
    (folder / SETTINGS_FILE).write_text('{"private": true}\n', encoding="utf-8")


def key() -> str:
    """A hash of the source's pin and of this code: the same key, the same files."""
    digest = hashlib.sha256()
    for source in (SOURCE_LOCK, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:12]


def _cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "modelberth" / "models"


def main() -> None:
    """Make the models, copy them to OUT if one is given, and print where they are."""
    parser = argparse.ArgumentParser(prog="python -m e2e.models.make", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, help="copy the repositories here (default: leave them cached)")
    out: Path | None = parser.parse_args().out
    started = time.monotonic()
    made = ensure()
    if out is not None:
        shutil.copytree(made, out, symlinks=True, dirs_exist_ok=True)
    for repository in sorted((out or made).iterdir()):
        size = sum(file.stat().st_size for file in repository.iterdir())
        print(f"{repository}  {size / 1e6:.0f} MB")
    print(f"{time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
