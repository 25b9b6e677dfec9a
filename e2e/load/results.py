"""What became of the requests of a load: outcomes, failures, times."""

import json
import math
from collections import Counter
from dataclasses import dataclass

from e2e.load.generator import Record

ANSWERED = "answered"


def outcome(record: Record) -> str:
    """``answered``, ``HTTP 503``, ``cut`` (200, but not whole) or the kind of the error."""
    if record.finished:
        return ANSWERED
    if record.status is None:
        # A pooled connection that the server closed while the request was on its way tells nothing but this.
        return record.error.partition(":")[0] + (" (reused connection)" if record.reused else "")
    return "cut" if record.status == 200 else f"HTTP {record.status}"


def quantile(values: list[float], share: float) -> float:
    """Nearest rank: the least value that ``share`` of all do not exceed. NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Results:
    """All requests of one load. Times in seconds."""

    records: tuple[Record, ...]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(map(outcome, self.records))

    @property
    def answered(self) -> list[Record]:
        return [record for record in self.records if outcome(record) == ANSWERED]

    @property
    def failures(self) -> list[Record]:
        return [record for record in self.records if outcome(record) != ANSWERED]

    @property
    def first_answer_s(self) -> float:
        """From the start of the first request to the first byte of any answer; NaN without one."""
        bytes_at = [record.first_byte for record in self.answered if record.first_byte is not None]
        return min(bytes_at, default=math.nan) - min(record.started for record in self.records)

    def seconds(self, url: str | None = None) -> list[float]:
        """How long answered requests took, all or those to one URL."""
        return [
            record.ended - record.started
            for record in self.answered
            if record.ended is not None and url in (None, record.url)
        ]

    def __str__(self) -> str:
        """One line of JSON."""
        times = self.seconds()
        return json.dumps(
            {
                "requests": len(self.records),
                **self.outcomes,
                "first answer s": round(self.first_answer_s, 2),
                "p50 s": round(quantile(times, 0.5), 3),
                "p99 s": round(quantile(times, 0.99), 3),
            }
        )

    def told(self) -> str:
        """The line of JSON, and a line for each of the first failures."""
        lines = [
            f"  {outcome(f)}: stream={f.stream} pooled={f.pooled} started={f.started} ended={f.ended}: {f.error}"
            for f in self.failures[:20]
        ]
        return "\n".join([str(self), *lines])


def parsed(text: str) -> Results:
    """What the generator printed."""
    return Results(tuple(Record(**record) for record in json.loads(text)))
