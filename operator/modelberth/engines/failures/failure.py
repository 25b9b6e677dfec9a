"""What an engine said when it failed."""

import re
from dataclasses import dataclass, field, fields
from typing import Literal

Reason = Literal[
    "OutOfGpuMemory",
    "OutOfMemory",
    "KVCacheTooSmall",
    "EngineArgsRejected",
    "UnsupportedModel",
    "CheckpointCorrupt",
    "ModelNotFound",
    "DriverTooOld",
]


@dataclass(frozen=True)
class Amounts:
    """How much was asked for and how much there was, where the engine says it; None where it does not."""

    needed_gib: float | None = None
    """What the engine tried to have, in GiB: one allocation, its share of the GPU, or the KV cache of one request."""
    available_gib: float | None = None
    """What was free for it, in GiB."""
    total_gib: float | None = None
    """What the device has, in GiB."""
    max_model_len: int | None = None
    """The longest request, in tokens, that the engine says would do."""

    @property
    def short_gib(self) -> float | None:
        """By how much it was too little, in GiB."""
        if self.needed_gib is None or self.available_gib is None:
            return None
        return max(0.0, self.needed_gib - self.available_gib)

    def __bool__(self) -> bool:
        return any(getattr(self, entry.name) is not None for entry in fields(self))


@dataclass(frozen=True)
class Failure:
    """One reason, in the engine's words and with a way out."""

    reason: Reason
    lines: tuple[str, ...]
    """The engine's decisive lines, the same for every try: no times, process ids or addresses."""
    advice: str
    """What to do, in terms of the spec's fields."""
    amounts: Amounts = field(default_factory=Amounts)


@dataclass(frozen=True)
class Pattern:
    """What a line says, and what that means.

    Named groups become amounts: ``needed``, ``available`` and ``total`` with a group ``needed_unit`` (GiB where there
    is none), ``needed_bytes``, and ``max_model_len`` in tokens.
    """

    reason: Reason
    line: re.Pattern[str]
    advice: str
    also: re.Pattern[str] | None = None
    """Lines that say more about it, told after the first."""


def says(reason: Reason, line: str, advice: str, also: str | None = None) -> Pattern:
    """A pattern from the text of its regular expressions."""
    return Pattern(reason, re.compile(line), advice, None if also is None else re.compile(also))
