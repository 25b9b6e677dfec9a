"""Writes api/engine_tables/*_flags.json from the engines' own parsers: `python -m e2e.parsers.write_flags`.

Run it after the engine images move to another version. The lists resolve argparse's abbreviations.
"""

import json
from pathlib import Path

from e2e.parsers.reports import parser_report

TABLES = Path(__file__).parents[2] / "operator/modelberth/api/engine_tables"


def main() -> None:
    for engine in ("vllm", "sglang"):
        flags = sorted({spelling for spellings in parser_report(engine, []).options for spelling in spellings})
        (TABLES / f"{engine}_flags.json").write_text(json.dumps(flags, indent=0) + "\n")
        print(f"{engine}: {len(flags)} flags")


if __name__ == "__main__":
    main()
