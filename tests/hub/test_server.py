"""What the client never asks for, and what it cannot see."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from e2e.hub.network import Throttle
from tests.hub.conftest import RunningHub

FILE = "/acme/public/resolve/main/model.safetensors"


def ask(running: RunningHub, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    """One request on a connection of its own."""
    connection = HTTPConnection(urlsplit(running.url).netloc, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    ("header", "status", "span"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=99999999-", 416, slice(0, 0)),
    ],
)
def test_ranges(running: RunningHub, header: str, status: int, span: slice) -> None:
    content = (running.root / "acme/public/model.safetensors").read_bytes()
    response, body = ask(running, FILE, Range=header)
    assert response.status == status
    assert body == content[span]


def test_head_has_the_headers_of_get_and_no_body(running: RunningHub) -> None:
    head, body = ask(running, FILE, "HEAD")
    get, content = ask(running, FILE)
    names = ("ETag", "X-Linked-ETag", "X-Linked-Size", "X-Repo-Commit", "Content-Length", "Accept-Ranges")
    assert [head.getheader(name) for name in names] == [get.getheader(name) for name in names]
    assert body == b""
    assert int(head.getheader("X-Linked-Size", "0")) == len(content)


@pytest.mark.parametrize(
    "path",
    [
        "/acme/public/resolve/main/../../private/config.json",
        "/acme/public/resolve/main/%2e%2e/private/config.json",
        "/../acme/resolve/main/config.json",
        "/acme/private/resolve/main/.hub.json",
        "/nothing",
    ],
)
def test_nothing_outside_a_repository_is_served(running: RunningHub, path: str) -> None:
    response, _ = ask(running, path)
    assert response.status in {401, 404}


def test_health_needs_no_token_and_is_not_logged(running: RunningHub) -> None:
    response, _ = ask(running, "/healthz", Authorization="Bearer made-up")
    assert response.status == 200
    assert running.log == []


def test_the_log_tells_range_and_authorization_but_no_token(running: RunningHub) -> None:
    ask(running, FILE, Range="bytes=0-3", Authorization="Bearer reader")
    (line,) = running.logged(FILE)
    assert line.startswith(f"GET {FILE} 206 range=bytes=0-3 auth=yes sent=4 ")
    assert "reader" not in line


def test_bandwidth_is_shared_by_all(running: RunningHub) -> None:
    running.hub.throttle = Throttle(6_000_000)
    started = time.monotonic()
    ask(running, FILE)
    assert 0.15 < time.monotonic() - started < 2
