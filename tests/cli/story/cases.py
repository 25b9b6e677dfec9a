"""The fixtures: captured from a cluster that served them, see capture.py."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import yaml

from modelberth.cli.story.seen import Log, Seen

FIXTURES = Path(__file__).parent / "fixtures"
GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 24, 1, 8, tzinfo=UTC)
"""A minute after the last of them was captured."""

CASES = sorted(file.stem for file in FIXTURES.glob("*.yaml"))


@cache
def seen(case: str) -> Seen:
    """What was seen in the cluster."""
    content = yaml.safe_load((FIXTURES / f"{case}.yaml").read_text(encoding="utf-8"))
    logs = tuple(Log(**{**log, "lines": tuple(log["lines"])}) for log in content.pop("logs"))
    return Seen(**{**content, "logs": logs, "unseen": tuple(content["unseen"])})
