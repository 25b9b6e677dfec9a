"""Writes what people see of every fixture anew; review the diff.

python -m tests.cli.story.regenerate
"""

from tests.cli.story.cases import CASES, GOLDEN
from tests.cli.story.text import diagnosis, status


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for case in CASES:
        (GOLDEN / f"{case}.status.txt").write_text(status(case), encoding="utf-8")
        (GOLDEN / f"{case}.diagnosis.txt").write_text(diagnosis(case), encoding="utf-8")


if __name__ == "__main__":
    main()
