"""Times and bytes as people read them."""

from collections.abc import Sequence
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400
BAR_WIDTH = 24


def ago(timestamp: str | None, now: datetime) -> str:
    """How long ago an RFC 3339 time was: 45 s, 3 min, 5 h, 12 d. Empty where it is not known."""
    seconds = seconds_since(timestamp, now)
    if seconds is None:
        return ""
    seconds = max(seconds, 0.0)
    for limit, unit, name in ((2 * MINUTE, 1, "s"), (2 * HOUR, MINUTE, "min"), (2 * DAY, HOUR, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // DAY)} d"


def seconds_since(timestamp: str | None, now: datetime) -> float | None:
    """Negative where it is still to come; None where it is no time."""
    try:
        then = datetime.fromisoformat(timestamp or "")
    except ValueError:
        return None
    # Kubernetes writes UTC; a clock without a zone can only be that.
    return (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()


def duration(seconds: int) -> str:
    """45 s, 1 min 20 s, 2 h 5 min."""
    for large, unit, large_name, name in ((HOUR, MINUTE, "h", "min"), (MINUTE, 1, "min", "s")):
        if seconds >= large:
            whole, rest = divmod(seconds, large)
            return f"{whole} {large_name}" + (f" {rest // unit} {name}" if rest >= unit else "")
    return f"{seconds} s"


def size(count: int) -> str:
    """Bytes in the largest unit of which there is one: 14.9 GiB, 250 MiB, 12 KiB, 900 B."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            amount = count / 1024**power
            return f"{amount:,.1f} {unit}" if amount < 100 else f"{amount:,.0f} {unit}"
    return f"{count} B"


def bar(done: int, total: int) -> str:
    """[#####...] 21 %; only what is complete is full."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    filled = int(share * BAR_WIDTH)
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {int(share * 100)} %"


def count_of(number: int, noun: str) -> str:
    """1 pod, 2 pods."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def joined(parts: Sequence[str | None]) -> str:
    """The parts that there are, with commas."""
    return ", ".join(part for part in parts if part)
