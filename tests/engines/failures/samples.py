"""The outputs and quotes of fixtures/, as its index tells of them."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from modelberth.api.spec import EngineType

FOLDER = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Sample:
    """What an engine said, and what it means."""

    name: str
    engine: EngineType
    text: str
    reason: str | None
    amounts: dict[str, float] = field(default_factory=dict)


def _load() -> tuple[list[Sample], list[Sample]]:
    index = yaml.safe_load((FOLDER / "index.yaml").read_text(encoding="utf-8"))
    outputs = [
        Sample(row["file"], row["engine"], (FOLDER / row["file"]).read_text(encoding="utf-8"), row["reason"])
        for row in index["outputs"]
    ]
    quotes = [
        Sample(row["url"], row["engine"], row["text"], row["reason"], row.get("amounts", {})) for row in index["quotes"]
    ]
    return outputs, quotes


OUTPUTS, QUOTES = _load()
SAMPLES = [*OUTPUTS, *QUOTES]


def name_of(sample: Sample) -> str:
    """How pytest names it."""
    return sample.name
