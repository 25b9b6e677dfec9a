"""HTTP/1.0 and 1.1 as far as the relay speaks it.

http.client and http.server would do it too, but import the standard library's e-mail parser: 7 MiB in every pod.
"""

import socket
import time
from dataclasses import dataclass

HEAD_LIMIT = 8 << 10
"""Most bytes of a request, or of an answer's status line and headers."""
_END_OF_HEAD = b"\r\n\r\n"
_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 502: "Bad Gateway", 503: "Service Unavailable"}


class MessageError(Exception):
    """The peer sent too much, too little, or no HTTP. The text quotes nothing of it."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. The body is text for the peer to read."""

    status: int
    body: bytes


def read_request(connection: socket.socket, deadline: float) -> tuple[str, str]:
    """Method and path (without a query) of the request; its headers and body are nobody's affair.

    ``deadline`` is a time of time.monotonic. Raises MessageError, OSError (TimeoutError at the deadline).
    """
    head, _ = _read_head(connection, deadline)
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MessageError("no HTTP request")
    return words[0], words[1].partition("?")[0]


def answer_bytes(answer: Answer) -> bytes:
    """The answer as it is sent; the connection ends with it."""
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
        # The version of Prometheus' text format; the other answers are plain text too.
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + answer.body


def get_request(path: str, key: bytes | None) -> bytes:
    """A request for ``path``. HTTP/1.0: the answer is not chunked, and ends with the connection."""
    authorization = b"" if key is None else b"Authorization: Bearer " + key + b"\r\n"
    return f"GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n".encode() + authorization + b"\r\n"


def read_answer(connection: socket.socket, deadline: float, limit: int) -> Answer:
    """The peer's whole answer, its body at most ``limit`` bytes. Raises MessageError, OSError."""
    head, body = _read_head(connection, deadline)
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not _digits(words[1]):
        raise MessageError("no HTTP answer")
    while len(body) <= limit and (chunk := _receive(connection, deadline)):
        body += chunk
    if len(body) > limit:
        raise MessageError(f"an answer of more than {limit} bytes")
    if _content_length(lines[1:], len(body)) != len(body):
        raise MessageError("an answer that was cut short")
    return Answer(int(words[1]), bytes(body))


def _content_length(headers: list[str], default: int) -> int:
    for line in headers:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length" and _digits(value.strip()):
            return int(value)
    return default


def _digits(text: str) -> bool:
    # isdigit() alone takes digits that int() does not, and int() refuses thousands of them.
    return text.isascii() and text.isdigit() and len(text) < 19


def _read_head(connection: socket.socket, deadline: float) -> tuple[bytes, bytearray]:
    """What comes before the empty line, and what was received of that which follows."""
    received = bytearray()
    while _END_OF_HEAD not in received:
        if len(received) > HEAD_LIMIT:
            raise MessageError(f"more than {HEAD_LIMIT} bytes of headers")
        chunk = _receive(connection, deadline)
        if not chunk:
            raise MessageError("the connection ended before the headers did")
        received += chunk
    head, _, rest = received.partition(_END_OF_HEAD)
    return bytes(head), rest


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        # A peer that sends a byte now and then would never run into the socket's own timeout.
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(16 << 10)
