"""The Secret and the ValidatingWebhookConfiguration, against a real HTTP server."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from modelberth.ports.admission import FIELD_MANAGER, WEBHOOK, KubeAdmission
from modelberth.ports.kube import ApiError, KubeApi

Raw = dict[str, Any]
SECRET = "/api/v1/namespaces/mb/secrets/modelberth-webhook"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/modelberth-webhook.mb"


@dataclass
class Api:
    """Answers every request alike and remembers them."""

    status: int = 200
    body: Raw = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], str, Raw]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        kind = request.headers.get("Content-Type", "")
        body = json.loads(text) if text else {}
        self.asked.append((request.method, request.path, dict(request.query), kind, body))
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def api() -> Api:
    return Api()


@pytest.fixture
async def server(api: Api) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    server = TestServer(app)
    async with server:
        yield server


@pytest.fixture
async def admission(server: TestServer) -> AsyncIterator[KubeAdmission]:
    kube = KubeApi()
    async with client.ApiClient(client.Configuration(host=str(server.make_url("")).rstrip("/"))) as kube.client:
        yield KubeAdmission(kube, "mb", "modelberth-webhook", "modelberth-webhook.mb")


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def secret(**data: bytes) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "modelberth-webhook", "resourceVersion": "7"},
        **({"data": {name: encoded(content) for name, content in data.items()}} if data else {}),
    }


def configuration(name: str, bundle: bytes | None) -> Raw:
    service = {"namespace": "mb", "name": "modelberth-webhook"}
    webhook = {
        "name": name,
        "clientConfig": {"service": service, **({"caBundle": encoded(bundle)} if bundle else {})},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [webhook],
    }


async def test_the_secret_is_read(api: Api, admission: KubeAdmission) -> None:
    api.body = secret()
    assert ((await admission.read()).data, (await admission.read()).version) == ({}, "7")
    api.body = secret(key=b"\x00content")
    assert (await admission.read()).data == {"key": b"\x00content"}
    assert api.asked[0][:2] == ("GET", SECRET)


async def test_a_write_is_an_apply_of_that_version(api: Api, admission: KubeAdmission) -> None:
    api.body = secret()
    await admission.write({"key": b"\x00content"}, "7")
    method, path, query, kind, body = api.asked[0]
    assert (method, path, kind) == ("PATCH", SECRET, "application/apply-patch+yaml")
    assert query == {"fieldManager": FIELD_MANAGER, "force": "true"}
    assert body["metadata"] == {"name": "modelberth-webhook", "namespace": "mb", "resourceVersion": "7"}
    assert body["data"] == {"key": encoded(b"\x00content")}


@pytest.mark.parametrize(
    ("name", "bundle", "trusted"),
    [(WEBHOOK, None, b""), (WEBHOOK, b"pem", b"pem"), ("another.modelberth.dev", b"pem", b"")],
)
async def test_whom_the_api_server_trusts(
    api: Api, admission: KubeAdmission, name: str, bundle: bytes | None, trusted: bytes
) -> None:
    api.body = configuration(name, bundle)
    assert await admission.trusted() == trusted
    assert api.asked[0][:2] == ("GET", CONFIGURATION)


async def test_trust_touches_the_bundle_and_nothing_else(api: Api, admission: KubeAdmission) -> None:
    api.body = configuration(WEBHOOK, b"pem")
    await admission.trust(b"pem")
    method, path, query, kind, body = api.asked[0]
    assert (method, path, kind) == ("PATCH", CONFIGURATION, "application/apply-patch+yaml")
    assert query == {"fieldManager": FIELD_MANAGER, "force": "true"}
    assert body["webhooks"] == [{"name": WEBHOOK, "clientConfig": {"caBundle": encoded(b"pem")}}]
    assert body["metadata"] == {"name": "modelberth-webhook.mb"}


async def test_a_refusal_has_its_status_and_the_servers_own_words(api: Api, admission: KubeAdmission) -> None:
    api.status, api.body = 409, {"kind": "Status", "message": 'secrets "modelberth-webhook": modified'}
    for call in (admission.read(), admission.write({}, "7"), admission.trusted(), admission.trust(b"pem")):
        with pytest.raises(ApiError, match="modified") as caught:
            await call
        assert caught.value.status == 409
