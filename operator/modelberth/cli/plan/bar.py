"""A bar of characters that shows what fills a whole."""

from collections.abc import Mapping

EXCESS = "too much"
"""Cells beyond the whole."""


def cells(parts: Mapping[str, float], whole: float, width: int) -> list[str]:
    """The name of the part in each of ``width`` cells, in the order of the parts.

    The parts fill the whole, and what is more than nothing has a cell at least. Where they are more than the whole, the
    bar is all of them, and the cells beyond the whole are EXCESS.
    """
    scale = max(whole, sum(parts.values()))
    if scale <= 0:
        return []
    counts = {name: max(round(size / scale * width), 1) for name, size in parts.items() if size > 0}
    # Roundings are made up for where they show least.
    counts[max(counts, key=lambda name: counts[name])] += width - sum(counts.values())
    filled = [name for name, count in counts.items() for _ in range(count)]
    held = min(int(whole / scale * width), width - 1) if whole < scale else width
    return filled[:held] + [EXCESS] * (width - held)
