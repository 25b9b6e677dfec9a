"""Headers that pass a proxy, and those that are for the next hop only.

RFC 9110, 7.6.1: https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1
"""

import re
from collections.abc import Iterable, Mapping

from multidict import CIMultiDict, MultiMapping

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

UNSOUND = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""Control characters, which could end a header, and what stands for bytes that are no UTF-8."""


def passed_on(headers: MultiMapping[str], but: Iterable[str] = ()) -> "CIMultiDict[str]":
    """The headers that pass, in their order, without those in ``but`` (lower case).

    Raises ValueError where one cannot be written again: aiohttp reads more than it writes.
    """
    left_out = HOP_BY_HOP | named_by_connection(headers) | frozenset(but)
    return CIMultiDict((name, _sound(value)) for name, value in headers.items() if name.lower() not in left_out)


def _sound(value: str) -> str:
    if UNSOUND.search(value):
        raise ValueError("a header has characters that it must not have")
    return value


def named_by_connection(headers: MultiMapping[str]) -> frozenset[str]:
    """Names that Connection adds to those of one hop. Host stays: a request without it is none."""
    named = (name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(","))
    return frozenset(named) - {"", "host"}


def size(raw: Iterable[tuple[bytes, bytes]]) -> int:
    """Bytes that the headers take up."""
    return sum(len(name) + len(value) for name, value in raw)


def upgrades(headers: Mapping[str, str]) -> bool:
    """Asks for another protocol whose bytes come instead of a body."""
    return headers.get("Upgrade", "").lower() in ("websocket", "tcp")
