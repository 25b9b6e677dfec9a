"""What a soak found, as a table."""

from dataclasses import dataclass, field

from e2e.soak.traffic import Failure, Window

WIDTH = 150
"""Characters of what was done."""


@dataclass(frozen=True)
class Counts:
    """Of the operator, from the disturbance until it was quiet again."""

    writes: int
    lists: int
    another_term: bool
    """Whether the leader changed or had to begin anew."""


@dataclass(frozen=True)
class Row:
    """One disturbance. Times in seconds."""

    name: str
    text: str
    lasted_s: float
    converged_s: float
    counts: Counts
    window: Window


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    requests: int = 0
    failed: int = 0
    """Requests that were not answered, whoever is to blame."""
    blamed: list[Failure] = field(default_factory=list)
    """Those of models that no disturbance had hit."""

    def windows(self) -> list[Window]:
        return [row.window for row in self.rows]

    def __str__(self) -> str:
        """Each disturbance, then each kind of it, then the requests."""
        lines = [f"{'disturbance':<28}{'lasted s':>9}{'converged s':>12}{'writes':>8}{'lists':>7}  leader  what"]
        lines += map(_line, self.rows)
        lines += ["", f"{'disturbance':<28}{'times':>6}{'least s':>9}{'most s':>8}"]
        for name in sorted({row.name for row in self.rows}):
            times = [row.converged_s for row in self.rows if row.name == name]
            lines.append(f"{name:<28}{len(times):>6}{min(times):>9.1f}{max(times):>8.1f}")
        excused = self.failed - len(self.blamed)
        lines += ["", f"requests: {self.requests}, of which not answered: {len(self.blamed)}"]
        lines.append(f"(and {excused} of models whose own engine or Service was taken away then)")
        lines += [f"  {failure}" for failure in self.blamed[:20]]
        return "\n".join(lines)


def _line(row: Row) -> str:
    counts, leader = row.counts, "new" if row.counts.another_term else "same"
    times = f"{row.lasted_s:>9.1f}{row.converged_s:>12.1f}"
    return f"{row.name:<28}{times}{counts.writes:>8}{counts.lists:>7}  {leader:<6}  {row.text[:WIDTH]}"
