"""A bar of characters that shows what fills a whole."""

from collections.abc import Mapping

EXCESS, NOT_USED = "too much", "not used"
"""Cells beyond the share of the whole that the parts may take, and those that no part takes."""


def cells(parts: Mapping[str, float], share: float, whole: float, width: int) -> list[str]:
    """The name of the part in each of ``width`` cells, in the order of the parts, then EXCESS and NOT_USED.

    What is more than nothing has a cell at least; of parts beyond ``share`` only EXCESS is drawn. Where the parts are
    more than the whole, the bar is all of them.
    """
    drawn: dict[str, float] = {}
    left = share
    for name, size in parts.items():
        drawn[name] = min(size, left)
        left -= drawn[name]
    taken = sum(parts.values())
    drawn |= {EXCESS: max(taken - share, 0.0), NOT_USED: max(whole - taken, 0.0)}
    scale = max(whole, taken)
    if scale <= 0:
        return []
    counts = {name: max(round(size / scale * width), 1) for name, size in drawn.items() if size > 0}
    # Roundings are made up for where they show least.
    counts[max(counts, key=lambda name: counts[name])] += width - sum(counts.values())
    return [name for name, count in counts.items() for _ in range(count)]
