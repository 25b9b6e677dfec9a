"""Key-values of a GGUF header by their short names. They come from files that anybody can write."""

from collections.abc import Mapping
from typing import Any

MAX_NUMBER = 2**40
"""Larger numbers are none."""


class Keys:
    """Key-values of the model's own architecture. Whatever is no whole number from 0 on is missing."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata
        name = metadata.get("general.architecture")
        self.architecture = name if isinstance(name, str) else ""

    def given(self, name: str) -> bool:
        return f"{self.architecture}.{name}" in self._metadata

    def whole(self, key: str) -> int:
        """A number under its full name, 0 where there is none."""
        return _number(self._metadata.get(key))

    def count(self, name: str) -> int:
        """A number, 0 where there is none."""
        return self.whole(f"{self.architecture}.{name}")

    def items(self, name: str) -> list[int] | None:
        """An array, which has an item per layer; None where it is none."""
        value = self._metadata.get(f"{self.architecture}.{name}")
        return [_number(item) for item in value] if isinstance(value, list | tuple) else None

    def per_layer(self, name: str, layers: int, default: int = 0) -> list[int]:
        """A number per layer: those of the array, or the same number for all."""
        items = self.items(name)
        if items is not None:
            return (items + [0] * layers)[:layers]
        return [self.count(name) if self.given(name) else default] * layers

    def first(self, name: str) -> int:
        """A number, of an array the first."""
        return (self.items(name) or [self.count(name)])[0]

    def most(self, name: str) -> int:
        """A number, of an array the largest."""
        return max(self.items(name) or [self.count(name)])


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int) and 0 <= value <= MAX_NUMBER else 0
