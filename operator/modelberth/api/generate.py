"""``python -m modelberth.api.generate [--check] [--root DIR]``: crds/, the chart's copy and docs/reference.md."""

import argparse
import sys
from pathlib import Path

from modelberth.api.crd import crd_yaml
from modelberth.api.meta import GROUP, PLURAL
from modelberth.api.reference import reference


def generated() -> dict[str, str]:
    """Path in the repository -> text."""
    file = f"{PLURAL}.{GROUP}.yaml"
    crd = crd_yaml()
    return {f"crds/{file}": crd, f"charts/modelberth/files/crds/{file}": crd, "docs/reference.md": reference()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="modelberth.api.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the repository (default: this folder)")
    options = parser.parse_args()
    files = generated()
    stale = [path for path, text in files.items() if not _holds(options.root / path, text)]
    for path in stale:
        if options.check:
            print(f"{path} differs from the models: run `make generate`", file=sys.stderr)
        else:
            target = options.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path])
            print(f"wrote {path}")
    return 1 if stale and options.check else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
