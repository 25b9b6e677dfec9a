"""What is wrong with a resource, in words that name the field and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass

INVALID_SPEC = "InvalidSpec"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``str(finding)`` is the sentence for people: "spec.engine.args: ..."."""

    field: str
    """Path in the resource, as in kubectl's messages: ``spec.engine.args[2]``. Empty for the resource as a whole."""
    message: str
    """What is wrong and what to do instead; it does not repeat the field."""
    reason: str = INVALID_SPEC
    """One stable word for machines; the reason of the condition."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidSpec(ValueError):  # noqa: N818 - named as the condition's reason
    """The resource cannot work; ``findings`` say why, in the order of the fields."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(str(finding) for finding in self.findings))
