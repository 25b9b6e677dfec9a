"""What `modelberth render -f` makes of every example, kept so that each change to a manifest is reviewed as a diff.

python -m tests.golden.regenerate            writes tests/golden/<example>.yaml anew
python -m tests.golden.regenerate --check    tells which differ, exit 1
"""

import argparse
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

from modelberth.cli.main import main as modelberth
from modelberth.manifests.names import HASH, PODS

GOLDEN = Path(__file__).parent
_PACKED = re.compile(f"(?m)^( *(?:{re.escape(PODS)}|{re.escape(HASH)}):).*(?:\n      .*)*")
EXAMPLES = GOLDEN.parents[1] / "examples"


def examples() -> list[Path]:
    """Every example, in the order of their names."""
    return sorted(EXAMPLES.glob("*.yaml"))


def rendered(example: Path) -> str:
    """The output of the command itself."""
    output = io.StringIO()
    with redirect_stdout(output):
        code = modelberth(["render", "-f", str(example)])
    if code != 0:
        raise ValueError(f"modelberth render -f {example}: exit {code}")
    # The packed template is the template below it once more, and other builds of zlib pack it differently.
    return _PACKED.sub(r"\1 ...", output.getvalue())


def differences(golden: Path = GOLDEN) -> dict[Path, str | None]:
    """Golden files that are missing, stale or left over, with the text that they should have (None: none)."""
    wanted: dict[Path, str | None] = {golden / example.name: rendered(example) for example in examples()}
    wanted |= dict.fromkeys(path for path in golden.glob("*.yaml") if path not in wanted)
    return {path: text for path, text in wanted.items() if text != (path.read_text() if path.exists() else None)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.golden.regenerate", description="Golden manifests.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    check = parser.parse_args(argv).check
    changed = differences()
    for path, text in changed.items():
        if check:
            print(f"{path.relative_to(GOLDEN.parents[1])} differs: run make generate", file=sys.stderr)
        elif text is None:
            path.unlink()
        else:
            path.write_text(text)
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
