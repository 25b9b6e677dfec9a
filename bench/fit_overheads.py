"""Fits the planner's overheads to public start-up logs, and says how good they are on logs that they never saw.

    python bench/fit_overheads.py --observations FILE --models FILE [--write]

Prints the errors of the fit, and those of every log planned with profiles that were fitted without its source.
--write puts the profiles into operator/modelberth/planner/profiles.json.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.planner.answers import Row, answer, summary
from bench.planner.fitting import fit, start
from bench.planner.samples import Sample, samples_of
from bench.planner_accuracy import read_lines
from modelberth.planner.overheads import parse_profiles

PROFILES = Path(__file__).parents[1] / "operator/modelberth/planner/profiles.json"
ROUNDS = 3
"""Each round sorts the logs by the peaks that the last one's parameters give."""


def main() -> None:
    options = _options()
    rows = [row for row in read_lines(options.observations) if row.get("quality") != "C"]
    facts = {row["model"]: row for row in read_lines(options.models)}
    samples = samples_of(rows, facts)
    record = fitted(samples)
    _report("fitted", rows, [answer(row, facts, parse_profiles(record)) for row in rows])
    _report("fitted without the log's own source", rows, crossed(rows, facts, samples))
    if options.write:
        PROFILES.write_text(_text(record))


def fitted(samples: list[Sample]) -> dict[str, Any]:
    """The content of profiles.json."""
    profiles = start()
    for _ in range(ROUNDS):
        record = fit(samples, profiles)
        profiles = parse_profiles(record)
    return record


def crossed(rows: list[Row], facts: dict[str, Row], samples: list[Sample]) -> list[Row]:
    """Answers to every row by profiles that were fitted without its source."""
    known = {
        source: parse_profiles(fitted([sample for sample in samples if sample.source != source]))
        for source in {sample.source for sample in samples}
    }
    return [answer(row, facts, known.get(str(row.get("source")))) for row in rows]


def _report(title: str, rows: list[Row], answers: list[Row]) -> None:
    for quality in "AB":
        text = summary(rows, answers, lambda row, quality=quality: row.get("quality") == quality)  # type: ignore[misc]
        print(f"{title}, quality {quality}\n{text}")


def _text(record: dict[str, Any]) -> str:
    """JSON with a line per parameter."""
    return json.dumps(record, indent=1) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--observations", type=Path, required=True, help="rows of start-up logs, JSON lines")
    parser.add_argument("--models", type=Path, required=True, help="facts of models, JSON lines")
    parser.add_argument("--write", action="store_true", help="write profiles.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
