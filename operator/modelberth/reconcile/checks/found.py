"""What a check has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A problem, as parts of its message."""

    reason: str
    what: str
    """The headline. While it stays, the message of the first time stays too, whatever the details are now."""
    detail: str = ""
    """What the engine, the kubelet, the scheduler or the API server said."""
    advice: str = ""
    """What a person can do."""
    stalled: bool = True
    """Only a person can end it."""
    until_s: float | None = None
    """Seconds until it is none any more, if nothing changes meanwhile; None: time alone does not end it."""
    in_s: float = 0.0
    """Seconds until it is a problem, if nothing changes meanwhile; 0 or less: it is one."""

    @property
    def message(self) -> str:
        text = f"{self.what}: {self.detail}" if self.detail else self.what
        return f"{sentence(text)} {sentence(self.advice)}" if self.advice else sentence(text)


def sentence(text: str) -> str:
    """The text with a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
