"""What each engine accepts, as plain data: it feeds the CEL rules of the CRD, the Python rules and the engines.

The data of each engine is in ``engine_tables/``; it is checked in tests against the engine's own parser.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from modelberth.api.spec import EngineType

Version = tuple[int, ...]
"""(0, 32, 0) for vLLM and SGLang, (11669,) for a llama.cpp build."""


@dataclass(frozen=True)
class Supported:
    """A value of a field that the engine accepts in versions [since, until)."""

    name: str
    since: Version = ()
    until: Version | None = None

    def at(self, version: Version) -> bool:
        return self.since <= version and (self.until is None or version < self.until)


@dataclass(frozen=True)
class Owned:
    """A flag or environment variable that a typed field sets, so that passing it through is refused.

    ``names`` are all its spellings (long, short, aliases), canonical first. ``field`` is the spec path to use
    instead ("spec.maxModelLen"); where no field exists it says why the flag is the operator's ("set by Modelberth").
    ``remedy`` replaces the default advice "use FIELD".
    """

    names: tuple[str, ...]
    field: str
    remedy: str = ""
    habits: tuple[str, ...] = ()
    """Abbreviations that everybody writes (the documentation of SGLang: --tp 2): the API server refuses them too."""

    @property
    def spelled(self) -> tuple[str, ...]:
        """Every name that the API server refuses."""
        return (*self.names, *self.habits)


@dataclass(frozen=True)
class EngineFacts:
    """What one engine accepts, by version."""

    type: EngineType
    newest: Version
    """Newest version that the tables were checked against; an unknown version is treated as this."""
    tag: re.Pattern[str]
    """Finds the version in an image tag or in spec.engine.version: its groups are the numbers."""
    quantizations: tuple[Supported, ...]
    kv_cache_dtypes: tuple[Supported, ...]
    owned_flags: tuple[Owned, ...]
    owned_env: tuple[Owned, ...]
    set_env: tuple[str, ...]
    """Variables that Modelberth gives a value and that spec.engine.env and podTemplate may replace."""
    config_flags: tuple[str, ...] = ()
    """Flags that read further options from a file (vLLM --config): the options in it cannot be judged, so refused."""
    abbreviations: bool = False
    """The parser accepts unambiguous prefixes of long flags (argparse's allow_abbrev)."""
    flag_prefixes: tuple[str, ...] = ()
    """Every long flag of the newest version, where abbreviations must be resolved; empty otherwise."""

    def version_of(self, image: str, version: str | None) -> tuple[Version, bool]:
        """(version, known): from spec.engine.version, else from the image tag, else the newest with known=False."""
        text = version if version is not None else tag_of(image)
        match = self.tag.search(text)
        if match is None:
            return self.newest, False
        return tuple(int(number) for number in match.groups() if number is not None), True


def tag_of(image: str) -> str:
    """Tag of an image reference: ``host:5000/org/name:TAG@sha256:...`` -> ``TAG``; empty when it has none."""
    last = image.split("@", 1)[0].rsplit("/", 1)[-1]
    return last.partition(":")[2]


def names_at(values: Iterable[Supported], version: Version) -> tuple[str, ...]:
    """Names that are supported at the version, in table order."""
    return tuple(value.name for value in values if value.at(version))
