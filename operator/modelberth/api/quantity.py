"""Kubernetes quantities as exact numbers, to compare requests with limits."""

import re
from fractions import Fraction

from modelberth.api.scalars import QUANTITY_PATTERN

_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_SUFFIXES = _BINARY | {letter: Fraction(1000) ** power for letter, power in _DECIMAL.items()}


def amount(quantity: str | int) -> Fraction:
    """The number that a quantity means, in bytes, cores or pieces. Raises ValueError where it is none."""
    match = re.fullmatch(QUANTITY_PATTERN, str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity such as 500m, 2 or 8Gi")
    suffix = match[3] or ""
    number = Fraction(match[1].rstrip(".") or "0")
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return number * Fraction(10) ** int(suffix[1:])
    return number * _SUFFIXES[suffix]
