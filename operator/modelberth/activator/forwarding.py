"""Sends a request to a pod and its answer to the client, byte by byte as they come."""

import socket
from collections.abc import Callable

import aiohttp
from aiohttp import web
from yarl import URL

from modelberth.activator.body import Body
from modelberth.activator.headers import passed_on
from modelberth.activator.slices import Backend

CONNECT_S = 5.0
BUFFER = 64 << 10
MAX_HEADER = 64 << 10
# aiohttp adds these where the client sent none.
NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
KEEPALIVE_S = 30


class UnreachableError(Exception):
    """The pod refused the connection or dropped it before it answered. Another one may do better."""


class BadAnswerError(Exception):
    """What the pod answered is not HTTP, or cannot be passed on."""


def session() -> aiohttp.ClientSession:
    """A client without opinions. Made inside a running event loop."""
    return aiohttp.ClientSession(
        # Connections are not kept: one that a pod is just closing would cost a request.
        connector=aiohttp.TCPConnector(limit=0, force_close=True, socket_factory=_socket),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=NOT_ADDED,
        read_bufsize=BUFFER,
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
    )


async def send(
    client: aiohttp.ClientSession, backend: Backend, request: web.BaseRequest, body: Body
) -> aiohttp.ClientResponse:
    """The pod's answer, its body unread.

    Raises UnreachableError, BadAnswerError, and ValueError where the request is at fault.
    """
    headers = passed_on(request.headers, but=("expect", "content-length"))
    if not body.complete and request.content_length is not None:
        headers["Content-Length"] = str(request.content_length)
    url = URL(f"{backend.url}{request.rel_url.raw_path_qs}", encoded=True)
    try:
        return await client.request(request.method, url, headers=headers, data=body.data(), allow_redirects=False)
    except (aiohttp.ClientConnectionError, TimeoutError, OSError) as error:
        raise UnreachableError(type(error).__name__) from error
    except aiohttp.InvalidURL:
        raise  # It is a ValueError too.
    except aiohttp.ClientError as error:
        raise BadAnswerError(type(error).__name__) from error


async def relay(
    upstream: aiohttp.ClientResponse, request: web.BaseRequest, count: Callable[[int], None]
) -> tuple[web.StreamResponse, bool]:
    """Passes the answer on. Returns it, and whether it came whole. Raises BadAnswerError before its first byte."""
    try:
        headers = passed_on(upstream.headers)
    except ValueError as error:
        raise BadAnswerError("a header cannot be passed on") from error
    # The words beside the status mean nothing (RFC 9112, 4), and need not be looked at.
    answer = web.StreamResponse(status=upstream.status, headers=headers)
    # Once pods are ready the next request must not come to us: connections made here stay here (conntrack).
    answer.headers["Connection"] = "close"
    answer.force_close()
    await answer.prepare(request)
    while True:
        try:
            part = await upstream.content.readany()
        except (aiohttp.ClientError, OSError):
            # The client must see that the end is missing, however the body is framed.
            if request.transport is not None:
                request.transport.close()
            return answer, False
        if not part:
            return answer, True
        count(len(part))
        await answer.write(part)


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """As aiohttp makes it; a node that vanishes is noticed by keep-alives."""
    made = socket.socket(address[0], address[1], address[2])
    made.setblocking(False)
    keep_alive(made)
    return made


def keep_alive(sock: socket.socket) -> None:
    """A peer that vanished without a word is noticed within two minutes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S // 3)
