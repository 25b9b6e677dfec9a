"""Watches of the adapter for the API server, against a real HTTP server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from modelberth.ports.kube import ApiError, KubeApi

from .test_kube import kubeconfig

PATH = "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices"


class Api:
    """Sends these bytes as the answer, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.parts: list[bytes] = []
        self.cut = False
        self.asked: list[web.Request] = []
        self.counted: list[tuple[str, int]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = web.StreamResponse(status=self.status)
        await answer.prepare(request)
        for part in self.parts:
            await answer.write(part)
        if self.cut and request.transport:
            request.transport.abort()
        return answer

    def count(self, verb: str, status: int, seconds: float) -> None:
        self.counted.append((verb, status))


@pytest.fixture
async def api() -> Api:
    return Api()


@pytest.fixture
async def kube(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeApi]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    server = TestServer(app)
    async with server:
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(kubeconfig(server)))
        monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file), raising=False)
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        async with KubeApi(api.count) as made:
            yield made


def line(kind: str, /, **of: Any) -> bytes:
    return json.dumps({"type": kind, "object": of}).encode() + b"\n"


async def test_events_come_line_by_line_however_they_are_cut(api: Api, kube: KubeApi) -> None:
    text = line("ADDED", name="a") + line("BOOKMARK", name="b" * 300_000) + line("DELETED", name="c")
    api.parts = [text[at : at + 10_000] for at in range(0, len(text), 10_000)]
    events = [event async for event in kube.watch("EndpointSlice", "ns", "a=b", "77")]
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK", "DELETED"]
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("GET", PATH)
    query = dict(asked.query)
    assert int(query.pop("timeoutSeconds")) > 0
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "77",
        "labelSelector": "a=b",
    }
    assert api.counted == [("WATCH", 200)]


async def test_a_version_that_is_gone(api: Api, kube: KubeApi) -> None:
    api.parts = [line("ADDED", name="a"), line("ERROR", kind="Status", code=410, message="too old resource version")]
    with pytest.raises(ApiError) as caught:
        _ = [event async for event in kube.watch("EndpointSlice", "ns", "", "77")]
    assert (caught.value.status, caught.value.message) == (410, "too old resource version")
    assert "labelSelector" not in api.asked[0].query


async def test_a_refusal(api: Api, kube: KubeApi) -> None:
    api.status, api.parts = 403, [json.dumps({"kind": "Status", "message": "no"}).encode()]
    with pytest.raises(ApiError) as caught:
        _ = [event async for event in kube.watch("EndpointSlice", "ns", "", "77")]
    assert (caught.value.status, caught.value.message) == (403, "no")
    assert api.counted == [("WATCH", 403)]


@pytest.mark.parametrize("part", [b"", b'{"type": "ADD', b"<html>\n", b"[]\n", b'{"type": "ERROR", "object": {}}\n'])
async def test_a_stream_that_breaks_off_or_is_none(api: Api, kube: KubeApi, part: bytes) -> None:
    api.parts, api.cut = [line("ADDED", name="a"), part], not part.endswith(b"\n")
    with pytest.raises(ApiError) as caught:
        _ = [event async for event in kube.watch("EndpointSlice", "ns", "", "77")]
    assert caught.value.status == 0


async def test_a_list_tells_the_version_to_watch_from(api: Api, kube: KubeApi) -> None:
    api.parts = [json.dumps({"metadata": {"resourceVersion": "5"}, "items": []}).encode()]
    pages = [page async for page in kube.pages("EndpointSlice", "ns", "a=b")]
    assert [page["metadata"]["resourceVersion"] for page in pages] == ["5"]
