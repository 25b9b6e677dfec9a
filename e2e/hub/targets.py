"""What a request asks for, read from its path and headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from e2e.hub.repositories import DEFAULT_REVISION

_PART = "[^/]+"
_ROUTES = (
    ("health", re.compile(r"/healthz")),
    ("whoami", re.compile(r"/api/whoami-v2")),
    ("refs", re.compile(rf"/api/models/(?P<repository>{_PART}/{_PART})/refs")),
    ("paths", re.compile(rf"/api/models/(?P<repository>{_PART}/{_PART})/paths-info/(?P<revision>{_PART})")),
    (
        "tree",
        re.compile(rf"/api/models/(?P<repository>{_PART}/{_PART})/tree/(?P<revision>{_PART})(/(?P<path>.*))?"),
    ),
    ("info", re.compile(rf"/api/models/(?P<repository>{_PART}/{_PART})(/revision/(?P<revision>{_PART}))?")),
    ("file", re.compile(rf"/(?P<repository>{_PART}/{_PART})/resolve/(?P<revision>{_PART})/(?P<path>.+)")),
)


@dataclass(frozen=True)
class Target:
    """A route's name with its parts; `path` is a file or a folder of the repository."""

    route: str
    repository: str
    revision: str
    path: str
    query: dict[str, str]

    def flag(self, name: str) -> bool:
        """A boolean of the query string, as httpx ("true") and requests ("True") write it."""
        return self.query.get(name, "").lower() in {"true", "1"}


def parse_target(url: str) -> Target | None:
    """The route of a request's URL; None for an unknown one. A revision's slashes come percent-encoded."""
    split = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(split.query).items()}
    for route, pattern in _ROUTES:
        if match := pattern.fullmatch(split.path):
            parts = {name: unquote(value or "") for name, value in match.groupdict().items()}
            revision = parts.get("revision") or DEFAULT_REVISION
            return Target(route, parts.get("repository", ""), revision, parts.get("path", "").strip("/"), query)
    return None


class UnsatisfiableRangeError(Exception):
    """The range starts behind the end of the file."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, last + 1) of a single byte range, None for the whole file.

    A header that cannot be read, or that asks for several ranges, is ignored as RFC 9110 allows.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(int(match[2] or size - 1) + 1, size)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise UnsatisfiableRangeError
    return start, end
