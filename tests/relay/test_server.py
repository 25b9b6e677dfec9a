"""The relay over real sockets, before an engine that does as it is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelberth.relay import engine as relay_engine
from modelberth.relay.drain import Times
from modelberth.relay.engine import Engine
from modelberth.relay.server import CONNECTIONS, Relay

from .fake_engine import BUSY, IDLE, answer, free_port, running

AT_ONCE = Times(pause=0, limit=30)


@contextmanager
def relayed(port: int, key_file: Path | None = None, times: Times = AT_ONCE) -> Iterator[int]:
    """The relay before the engine on this port; its own port."""
    with Relay(0, Engine(port, str(key_file) if key_file else None), times) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield relay.server_address[1]
        finally:
            relay.shutdown()
            thread.join()


def ask(port: int, path: str = "/metrics", method: str = "GET", headers: str = "") -> tuple[int, bytes]:
    """Status and body."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        with connection.makefile("rb") as file:
            received = file.read()
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_engine, "FRESH_S", -1.0)


def test_metrics_are_the_engines_asked_for_with_its_first_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n secret \nanother\n")
    with running(answer(BUSY)) as engine, relayed(engine.port, tmp_path / "key") as port:
        assert ask(port, headers="Authorization: Bearer of-the-client\r\nCookie: x\r\n") == (200, BUSY)
    assert engine.requests == [
        b"GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer secret\r\n\r\n"
    ]


def test_without_a_key_none_is_sent() -> None:
    with running(answer(IDLE)) as engine, relayed(engine.port) as port:
        assert ask(port, "/metrics?a=b") == (200, IDLE)
    assert b"Authorization" not in engine.requests[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/health", 404),
        ("GET", "/v1/models", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/metrics/../props", 404),
        ("GET", "//metrics", 404),
        ("GET", "http://localhost/metrics", 404),
        ("POST", "/v1/completions", 404),
        ("POST", "/metrics", 405),
        ("PUT", "/drain", 405),
    ],
)
def test_nothing_else_is_served_and_nothing_of_it_reaches_the_engine(method: str, path: str, status: int) -> None:
    with running(answer(IDLE)) as engine, relayed(engine.port) as port:
        assert ask(port, path, method)[0] == status
    assert engine.requests == []


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (answer(b"key: secret", "503 Service Unavailable"), 503, b"the engine loads its model\n"),
        (answer(b"Invalid API Key secret", "401 Unauthorized"), 502, b"the engine refuses the API key"),
        (answer(b"secret", "302 Found"), 502, b"the engine answered with HTTP 302\n"),
        (b"secret", 502, b"the engine could not be asked: the connection ended before the headers did\n"),
        (answer(b"x" * (relay_engine.BODY_LIMIT + 1)), 502, b"the engine could not be asked: an answer of more than"),
    ],
)
def test_any_other_answer_of_the_engine_is_one_line_of_ours(sent: bytes, status: int, text: bytes) -> None:
    with running(sent) as engine, relayed(engine.port) as port:
        found, body = ask(port)
    assert (found, body[: len(text)]) == (status, text)
    assert b"secret" not in body


def test_an_engine_that_ended_and_a_key_that_is_not_there_are_told(tmp_path: Path) -> None:
    with relayed(free_port()) as port:
        assert ask(port) == (502, b"the engine does not run\n")
    with relayed(free_port(), tmp_path / "no-key") as port:
        assert ask(port) == (502, b"the file with the API key cannot be read: No such file or directory\n")


def test_drain_answers_when_the_engine_is_idle_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with running(answer(BUSY), answer(IDLE)) as engine, relayed(engine.port) as port:
        status, body = ask(port, "/drain")
    assert status == 200
    assert body.startswith(b"the engine is idle after ")
    assert len(engine.requests) == 3
    assert "the engine is idle after" in capfd.readouterr().err


def test_drain_ends_at_its_limit() -> None:
    with running(answer(BUSY)) as engine, relayed(engine.port, times=Times(pause=0, limit=0)) as port:
        status, body = ask(port, "/drain")
    assert status == 200
    assert body.startswith(b"the engine is still busy after ")


def test_drain_does_not_wait_for_an_engine_that_ended() -> None:
    with relayed(free_port()) as port:
        assert ask(port, "/drain")[1].startswith(b"the engine is idle")


def test_metrics_are_answered_while_several_drain() -> None:
    with running(answer(BUSY)) as engine, relayed(engine.port) as port:
        drains = [threading.Thread(target=ask, args=(port, "/drain")) for _ in range(3)]
        for drain in drains:
            drain.start()
        assert ask(port) == (200, BUSY)
        assert all(drain.is_alive() for drain in drains)
        engine.answers = [answer(IDLE)]
        for drain in drains:
            drain.join()


def test_more_connections_than_places_wait_and_are_answered() -> None:
    with running(answer(IDLE)) as engine, relayed(engine.port) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        found: list[tuple[int, bytes]] = []
        late = threading.Thread(target=lambda: found.append(ask(port)))
        late.start()
        for connection in silent:
            connection.close()
        late.join()
    assert found == [(200, IDLE)]


def test_many_who_ask_at_once_are_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_engine, "FRESH_S", 3600.0)
    with running(answer(IDLE)) as engine, relayed(engine.port) as port:
        assert [ask(port) for _ in range(3)] == [(200, IDLE)] * 3
    assert len(engine.requests) == 1
