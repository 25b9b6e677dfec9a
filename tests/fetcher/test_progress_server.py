"""GET /progress: what it tells, and whom it survives."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth.fetcher.progress import Progress
from modelberth.fetcher.progress_server import ProgressServer


@pytest.fixture
def progress() -> Progress:
    return Progress(lambda line: None)


@pytest.fixture
def server(progress: Progress) -> Iterator[ProgressServer]:
    with ProgressServer(0, progress) as served:
        served.start()
        yield served
        served.shutdown()


def asked(port: int, path: str = "/progress") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def told(server: ProgressServer) -> dict[str, Any]:
    status, body = asked(server.server_port)
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def test_what_is_told(server: ProgressServer, progress: Progress) -> None:
    nothing = {"bytes": 0, "total": 0, "bytesPerSecond": 0, "etaSeconds": None}
    assert told(server) == {"phase": "Pending", **nothing, "commit": None}
    progress.enter("Waiting")
    assert told(server)["phase"] == "Waiting"
    progress.enter("Downloading", "abc")
    progress.begin(100, 10)
    assert told(server) | {"bytesPerSecond": 0} == {
        "phase": "Downloading",
        "bytes": 10,
        "total": 100,
        "bytesPerSecond": 0,
        "etaSeconds": None,
        "commit": "abc",
    }
    progress.add(90)
    assert told(server)["phase"] == "Verifying"
    progress.enter("Complete")
    assert (told(server)["phase"], told(server)["commit"]) == ("Complete", "abc")


def test_there_is_nothing_else(server: ProgressServer) -> None:
    assert asked(server.server_port, "/")[0] == 404
    assert asked(server.server_port, "/progress/../etc/passwd")[0] == 404


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda junk: b"GET /progress HTTP/1.1\r\n" + junk))
def test_junk(server: ProgressServer, capfd: pytest.CaptureFixture[str], junk: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.sendall(junk)
    assert told(server)["phase"] == "Pending"
    assert capfd.readouterr() == ("", ""), "nobody's junk is in the log"


def test_clients_that_never_ask(server: ProgressServer) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(100)]
    for client in idle:
        client.close()
    until = time.monotonic() + 30
    while True:
        try:
            assert told(server)["phase"] == "Pending"
            return
        except ConnectionError:  # too many at once are sent away; who asks again is answered
            assert time.monotonic() < until


def test_a_port_that_is_taken(server: ProgressServer, progress: Progress) -> None:
    with pytest.raises(OSError, match="in use"):
        ProgressServer(server.server_port, progress)
