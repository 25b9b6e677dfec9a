"""`modelberth cache list|prune --dir`: on a folder that is mounted here."""

import time
from pathlib import Path

from modelberth.cli.cache.rows import Row, row
from modelberth.fetcher.prune import Pruning, prune
from modelberth.fetcher.stored import stored_entries


def listed(root: Path) -> list[Row]:
    """Every entry. Raises OSError."""
    return [row(stored) for stored in stored_entries(root)]


def pruned(root: Path, pruning: Pruning) -> list[Row]:
    """Every entry with what became of it. Raises OSError."""
    return [{**row(stored), "verdict": verdict} for stored, verdict in prune(root, pruning, time.time())]
