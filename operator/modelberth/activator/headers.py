"""Headers that pass a proxy, and those that are for the next hop only.

RFC 9110, 7.6.1: https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1
"""

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


def passed_on(headers: MultiMapping[str], but: Iterable[str] = ()) -> "CIMultiDict[str]":
    """The headers that pass, in their order, without those in ``but`` (lower case)."""
    left_out = HOP_BY_HOP | named_by_connection(headers) | frozenset(but)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


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
