"""The middleware: what it says while the pod drains, and that it changes nothing before."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.hooks.modelberth_drain import Drain, Message, Receive, Send, register

CLOSE = (b"connection", b"close")
WORKERS = "SGLANG_HTTP_SERVER_APP_PATH"
STREAM: tuple[Message, ...] = (
    {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True},
    {"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False},
)
HEADERS = st.lists(
    st.tuples(st.sampled_from((b"content-type", b"Connection", b"connection", b"x-request-id")), st.binary(max_size=5))
)


def response(headers: Iterable[tuple[bytes, bytes]] = ()) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


async def sent(drain: Drain, scope: Message) -> list[Message]:
    """What reaches the client."""
    messages: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nothing is read for the application")

    async def send(message: Message) -> None:
        messages.append(message)

    await drain(scope, receive, send)
    return messages


def answering(*messages: Message) -> Any:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def http(version: str = "1.1") -> Message:
    return {"type": "http", "http_version": version}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_once_the_flag_is_there_every_response_ends_its_connection(tmp_path: Path, version: str) -> None:
    flag = tmp_path / "flag"
    drain = Drain(answering(response(), *STREAM), str(flag))
    assert await sent(drain, http(version)) == [response(), *STREAM]
    flag.touch()
    assert await sent(drain, http(version)) == [response([CLOSE]), *STREAM]


async def test_a_stream_that_began_before_goes_on_unchanged(tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(response())
        flag.touch()
        for message in STREAM:
            await send(message)

    assert await sent(Drain(app, str(flag)), http()) == [response(), *STREAM]


@given(HEADERS)
def test_there_is_one_connection_header_and_the_others_stay(headers: list[tuple[bytes, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        flag = Path(folder, "flag")
        drain = Drain(answering(response(headers)), str(flag))
        flag.touch()
        (start,) = asyncio.run(sent(drain, http()))
    others = [header for header in headers if header[0].lower() != b"connection"]
    assert start["headers"] == [*others, CLOSE]


async def test_a_flag_of_the_container_before_this_is_none(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    os.utime(flag, ns=(1, 1))
    drain = Drain(answering(response()), str(flag))
    assert await sent(drain, http()) == [response()]
    flag.touch()
    assert await sent(drain, http()) == [response([CLOSE])]


@pytest.mark.parametrize("scope", [{"type": "websocket", "http_version": "1.1"}, {"type": "lifespan"}, http("2")])
async def test_what_has_no_such_header_passes(tmp_path: Path, scope: Message) -> None:
    flag = tmp_path / "flag"
    drain = Drain(answering(response()), str(flag))
    flag.touch()
    assert await sent(drain, scope) == [response()]


class FastAPI:
    """As far as the plugin needs it."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.middleware: list[type] = []

    def add_middleware(self, middleware: type) -> None:
        self.middleware.append(middleware)


@pytest.fixture
def fastapi(monkeypatch: pytest.MonkeyPatch) -> type[FastAPI]:
    """A class of the test's own, which the plugin may change."""
    own = type("FastAPI", (FastAPI,), {})
    module = ModuleType("fastapi")
    vars(module)["FastAPI"] = own
    monkeypatch.setitem(sys.modules, "fastapi", module)
    monkeypatch.setenv(WORKERS, "theirs:app")
    return own


def test_sglang_makes_applications_that_drain(fastapi: type[FastAPI]) -> None:
    before = fastapi("before")
    register()
    after = fastapi(title="after")
    assert (before.middleware, after.middleware, after.title) == ([], [Drain], "after")


def test_its_tokenizer_workers_import_an_application_that_drains(
    monkeypatch: pytest.MonkeyPatch, fastapi: type[FastAPI]
) -> None:
    register()
    assert os.environ[WORKERS] == "theirs:app", "what somebody chose stays"
    monkeypatch.delenv(WORKERS)
    register()
    path, name = os.environ[WORKERS].split(":")
    server = ModuleType("sglang.srt.entrypoints.http_server")
    app = vars(server)["app"] = FastAPI()
    for package in ("sglang", "sglang.srt", "sglang.srt.entrypoints"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    monkeypatch.setitem(sys.modules, server.__name__, server)
    module = import_module(path)
    assert getattr(module, name) is app
    assert app.middleware == [Drain]
    with pytest.raises(AttributeError):
        _ = module.something_else
