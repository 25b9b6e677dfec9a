"""`modelberth hooks`: puts what the engine's own Python loads into a folder (an init container of engine pods)."""

import argparse
from importlib.resources import files
from pathlib import Path
from typing import Any

DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: modelberth-hooks\nVersion: 1\n",
    "entry_points.txt": "[sglang.srt.plugins]\nmodelberth_drain = modelberth_drain:register\n",
}
"""Files of a *.dist-info folder: Python finds entry points by these, without an installation.
https://packaging.python.org/en/latest/specifications/entry-points/"""


def add_parser(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "hooks",
        help="copy what runs inside engine containers to a folder",
        description="Copy what runs inside the containers of vLLM and SGLang to a folder. The pod's init container.",
    )
    parser.add_argument("--to", metavar="FOLDER", type=Path, required=True, help="a folder that exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    write(args.to)
    return 0


def write(folder: Path) -> None:
    """Writes every hook into the folder, over what is there."""
    for hook in files("modelberth.hooks").iterdir():
        if hook.name.endswith(".py") and hook.name != "__init__.py":
            (folder / hook.name).write_bytes(hook.read_bytes())
    info = folder / "modelberth_hooks-1.dist-info"
    info.mkdir(exist_ok=True)
    for name, text in DISTRIBUTION.items():
        (info / name).write_text(text, encoding="utf-8")
