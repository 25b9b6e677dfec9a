"""How far the planner is from what real engines logged when they started.

    python bench/planner_accuracy.py --observations FILE --models FILE --out PREDICTIONS.jsonl

Runs the planner on the inputs of every row of observations (engine, version, model, GPU, flags; never on what was
observed) and writes one line per row: id, weights_gib, kv_cache_gib, kv_tokens, max_concurrency, starts, reason; GiB
of one GPU, null where the row lacks the input. Then prints the errors of rows that have an observation.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.planner.answers import Row, answer, errors, summary, verdicts


def main() -> None:
    options = _options()
    rows = read_lines(options.observations)
    facts = {row["model"]: row for row in read_lines(options.models)}
    answers = [answer(row, facts) for row in rows]
    options.out.write_text("".join(f"{json.dumps(given)}\n" for given in answers))
    for title, chosen in (
        ("quality A", lambda row: row.get("quality") == "A"),
        ("quality A, vLLM", lambda row: row.get("quality") == "A" and row.get("engine") == "vllm"),
        ("quality A, SGLang", lambda row: row.get("quality") == "A" and row.get("engine") == "sglang"),
        ("quality B", lambda row: row.get("quality") == "B"),
        ("all rows", lambda row: True),
    ):
        text = summary(rows, answers, chosen)
        if text:
            print(f"{title}\n{text}")
    if options.rows:
        _print_rows(rows, answers)


def _print_rows(rows: list[Row], answers: list[Row]) -> None:
    for name in ("weights_gib", "kv_cache_gib", "kv_tokens"):
        print(f"\n{name}: id, quality, predicted, observed, error")
        for error in sorted(errors(rows, answers, name), key=lambda error: abs(error.share)):
            quality = error.row.get("quality")
            print(
                f"  {error.row['id']:38} {quality} {error.predicted:12.2f} {error.observed:12.2f} {error.share:+7.1%}"
            )
    print("\nstarts or not, wrong: id, quality, said")
    for row, said, started in verdicts(rows, answers):
        if said != started:
            print(f"  {row['id']:38} {row.get('quality')} {'starts' if said else 'does not start'}")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON lines file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--observations", type=Path, required=True, help="rows of start-up logs, JSON lines")
    parser.add_argument("--models", type=Path, required=True, help="facts of models, JSON lines")
    parser.add_argument("--out", type=Path, required=True, help="predictions are written here, JSON lines")
    parser.add_argument("--rows", action="store_true", help="print every row's error, not only the summary")
    return parser.parse_args()


if __name__ == "__main__":
    main()
