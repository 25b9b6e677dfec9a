"""What peers send is bounded, and what is no HTTP is refused."""

import socket
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.relay.wire import HEAD_LIMIT, Answer, MessageError, answer_bytes, get_request, read_answer, read_request

SOON = 5.0
BODIES = st.binary(max_size=4000)


def received_by(sent: bytes) -> socket.socket:
    """A connection whose peer has sent this and closed it."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(sent)
    return ours


def request(sent: bytes) -> tuple[str, str]:
    with received_by(sent) as connection:
        return read_request(connection, time.monotonic() + SOON)


def answered(sent: bytes, limit: int = 10_000) -> Answer:
    with received_by(sent) as connection:
        return read_answer(connection, time.monotonic() + SOON, limit)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/metrics")),
        (b"GET /metrics?format=x HTTP/1.0\r\n\r\n", ("GET", "/metrics")),
        (b"POST /v1/completions HTTP/1.1\r\n\r\n{}", ("POST", "/v1/completions")),
        (b"GET http://10.0.0.1/metrics HTTP/1.1\r\n\r\n", ("GET", "http://10.0.0.1/metrics")),
    ],
)
def test_method_and_path_are_all_that_counts(sent: bytes, found: tuple[str, str]) -> None:
    assert request(sent) == found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /metrics HTTP/1.1\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/2\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"x" * (HEAD_LIMIT + 20_000),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    with pytest.raises(MessageError):
        request(sent)


def test_a_client_that_sends_nothing_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        read_request(ours, time.monotonic())


@settings(deadline=None)
@given(st.sampled_from((200, 404, 405, 502, 503)), BODIES)
def test_an_answer_is_read_as_it_was_written(status: int, body: bytes) -> None:
    assert answered(answer_bytes(Answer(status, body))) == Answer(status, body)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_a_peer_sends_is_an_answer_or_refused(sent: bytes) -> None:
    for whole in (sent, b"HTTP/1.1 200 OK\r\n" + sent, b"HTTP/1.1 200 OK\r\nContent-Length: " + sent + b"\r\n\r\n"):
        with suppress(MessageError):
            assert answered(whole).status >= 0


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_001,
        b"HTTP/1.1 2\xb200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
    ],
)
def test_half_an_answer_and_too_much_of_one_are_refused(sent: bytes) -> None:
    with pytest.raises(MessageError):
        answered(sent)


def test_the_key_is_a_bearer_token_and_stands_nowhere_else() -> None:
    assert b"Authorization" not in get_request("/metrics", None)
    sent = get_request("/metrics", b"secret")
    assert sent.count(b"secret") == 1
    assert b"\r\nAuthorization: Bearer secret\r\n" in sent
    assert request(sent) == ("GET", "/metrics")
