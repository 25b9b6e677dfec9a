"""The adapter for the API server, against a real HTTP server that answers what each test says."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from modelberth.api.meta import API_VERSION, KIND
from modelberth.ports import kube as module
from modelberth.ports.kube import FIELD_MANAGER, PAGE, ApiError, KubeApi, path_of
from modelberth.reconcile.observed import CHILD_KINDS
from modelberth.runtime.watch import WATCHED

Raw = dict[str, Any]
DEPLOYMENT: Raw = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "team-a", "name": "llama"}}
PATH = "/apis/apps/v1/namespaces/team-a/deployments/llama"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Raw


@dataclass
class Api:
    """Answers are taken in turn, the last one for ever."""

    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {})])
    asked: list[Asked] = field(default_factory=list)
    counted: list[tuple[str, int]] = field(default_factory=list)
    wait_s: float = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text) if text else {}
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), body))
        await asyncio.sleep(self.wait_s)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    def count(self, verb: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.counted.append((verb, status))


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


def kubeconfig(server: TestServer) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": str(server.make_url("")).rstrip("/")}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }


@pytest.fixture
async def kube(api: Api, server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeApi]:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig(server)))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file), raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with KubeApi(api.count) as made:
        yield made


@pytest.mark.parametrize(
    ("of", "path"),
    [
        ((KIND, "ns", "a", "status"), "/apis/modelberth.dev/v1alpha1/namespaces/ns/modeldeployments/a/status"),
        (("Deployment", "ns", "a"), "/apis/apps/v1/namespaces/ns/deployments/a"),
        (("Service", "ns"), "/api/v1/namespaces/ns/services"),
        (("Pod", None), "/api/v1/pods"),
        (("PodDisruptionBudget", "ns", "a"), "/apis/policy/v1/namespaces/ns/poddisruptionbudgets/a"),
        (("Event", "ns"), "/apis/events.k8s.io/v1/namespaces/ns/events"),
    ],
)
def test_paths(of: tuple[Any, ...], path: str) -> None:
    assert path_of(*of) == path


def test_all_that_is_read_is_watched() -> None:
    assert {KIND, "Pod", *CHILD_KINDS} == set(WATCHED)


async def test_apply_is_server_side_apply(api: Api, kube: KubeApi) -> None:
    api.answers = [(200, {"metadata": {"name": "llama", "resourceVersion": "7"}})]
    answer = await kube.apply(DEPLOYMENT)
    assert answer["metadata"]["resourceVersion"] == "7"
    asked = api.asked[0]
    assert (asked.method, asked.path) == ("PATCH", PATH)
    assert asked.query == {"fieldManager": FIELD_MANAGER, "force": "true"}
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.body == DEPLOYMENT
    assert api.counted == [("PATCH", 200)]


async def test_apply_of_the_status(api: Api, kube: KubeApi) -> None:
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"namespace": "ns", "name": "a"}, "status": {}}
    await kube.apply(body, "status")
    assert api.asked[0].path == "/apis/modelberth.dev/v1alpha1/namespaces/ns/modeldeployments/a/status"


async def test_get_and_its_404(api: Api, kube: KubeApi) -> None:
    api.answers = [(200, DEPLOYMENT), (404, {"kind": "Status", "message": 'deployments "llama" not found'})]
    assert await kube.get("Deployment", "team-a", "llama") == DEPLOYMENT
    assert await kube.get("Deployment", "team-a", "llama") is None
    assert [(one.method, one.path) for one in api.asked] == [("GET", PATH)] * 2
    assert api.counted == [("GET", 200), ("GET", 404)]


async def test_delete_means_that_very_object(api: Api, kube: KubeApi) -> None:
    await kube.delete("Deployment", "team-a", "llama", "uid-1")
    asked = api.asked[0]
    assert (asked.method, asked.path) == ("DELETE", PATH)
    assert asked.body == {"propagationPolicy": "Background", "preconditions": {"uid": "uid-1"}}


@pytest.mark.parametrize("code", [404, 409])
async def test_what_is_gone_or_another_is_not_deleted(api: Api, kube: KubeApi, code: int) -> None:
    api.answers = [(code, {"message": "no"})]
    await kube.delete("Deployment", "team-a", "llama", "uid-1")


async def test_a_deletion_that_is_refused_is_an_error(api: Api, kube: KubeApi) -> None:
    api.answers = [(403, {"message": "forbidden"})]
    with pytest.raises(ApiError, match="forbidden"):
        await kube.delete("Deployment", "team-a", "llama", "uid-1")


async def test_create_posts_to_the_collection(api: Api, kube: KubeApi) -> None:
    event = {"kind": "Event", "metadata": {"namespace": "team-a", "name": "llama.1"}}
    api.answers = [(201, event)]
    assert await kube.create(event) == event
    assert (api.asked[0].method, api.asked[0].path) == ("POST", "/apis/events.k8s.io/v1/namespaces/team-a/events")
    assert api.asked[0].headers["Content-Type"] == "application/json"


async def test_a_list_is_read_page_by_page(api: Api, kube: KubeApi) -> None:
    def page(names: list[str], token: str | None) -> tuple[int, Raw]:
        return 200, {"metadata": {"continue": token} if token else {}, "items": [{"name": name} for name in names]}

    api.answers = [page(["a", "b"], "more"), page(["c"], "last&="), page(["d"], None)]
    items = [item async for item in kube.list("Pod", None, "app.kubernetes.io/managed-by=modelberth")]
    assert [item["name"] for item in items] == ["a", "b", "c", "d"]
    asked = [one.query for one in api.asked]
    assert asked[0] == {"limit": str(PAGE), "labelSelector": "app.kubernetes.io/managed-by=modelberth"}
    assert [one.get("continue") for one in asked] == [None, "more", "last&="]
    assert all(one["limit"] == str(PAGE) for one in asked)


async def test_a_list_whose_next_page_fails_is_no_complete_list(api: Api, kube: KubeApi) -> None:
    api.answers = [(200, {"metadata": {"continue": "x"}, "items": [{}]}), (410, {"message": "too old"})]
    with pytest.raises(ApiError) as caught:
        _ = [item async for item in kube.list("Pod", "ns", "")]
    assert caught.value.status == 410
    assert "labelSelector" not in api.asked[0].query


@pytest.mark.parametrize(
    ("code", "transient"),
    [(400, False), (401, True), (403, False), (409, True), (422, False), (429, True), (500, True), (503, True)],
)
async def test_a_refusal_has_its_status_and_the_servers_own_words(
    api: Api, kube: KubeApi, code: int, transient: bool
) -> None:
    api.answers = [(code, {"kind": "Status", "message": "spec.replicas: must be positive", "code": code})]
    with pytest.raises(ApiError) as caught:
        await kube.apply(DEPLOYMENT)
    assert (caught.value.status, caught.value.message) == (code, "spec.replicas: must be positive")
    assert caught.value.transient is transient
    assert api.counted == [("PATCH", code)]


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", [], {"kind": "Status"}])
async def test_a_refusal_in_other_words_names_the_call(api: Api, kube: KubeApi, body: Any) -> None:
    api.answers = [(502, body)]
    with pytest.raises(ApiError) as caught:
        await kube.get("Deployment", "team-a", "llama")
    assert caught.value.message == f"GET {PATH}: HTTP 502"
    assert caught.value.transient


async def test_no_connection(api: Api, kube: KubeApi, server: TestServer) -> None:
    await server.close()
    with pytest.raises(ApiError) as caught:
        await kube.get("Deployment", "team-a", "llama")
    assert caught.value.status == 0
    assert caught.value.transient
    assert "secret" not in caught.value.message
    assert api.counted == [("GET", 0)]


async def test_a_server_that_does_not_answer(api: Api, kube: KubeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    api.wait_s = 1
    with pytest.raises(ApiError) as caught:
        await kube.get("Deployment", "team-a", "llama")
    assert caught.value.status == 0
    assert "Timeout" in caught.value.message


async def test_no_cluster_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "none")
    monkeypatch.setenv("KUBECONFIG", missing)
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", missing, raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ApiError, match="KUBECONFIG"):
        async with KubeApi():
            pass
