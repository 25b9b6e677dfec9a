"""The API server as the operator needs it: raw dicts, server-side apply, nothing cached."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from modelberth.api.meta import GROUP, KIND, PLURAL, VERSION

FIELD_MANAGER = "modelberth"
TIMEOUT_S = 30
PAGE = 500
"""Objects per page of a list: bounds the memory of one answer."""

CONNECTIONS = 32
"""To the API server. asyncio's TLS holds a read buffer of 256 KiB for each, so the default of 100 is 25 MiB."""
WATCH_S = 60
"""A watch ends after this long and is begun anew where it ended: a connection that died silently is noticed in time."""
IN_FLIGHT = 8
"""Writes at once, by kind. In a burst the API server takes seconds for a Service, because it hands out cluster IPs one
by one; Deployments must not queue behind those."""

STREAM = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=WATCH_S + 10)

Raw = dict[str, Any]

RESOURCES = {
    KIND: (GROUP, VERSION, PLURAL),
    "Deployment": ("apps", "v1", "deployments"),
    "Service": ("", "v1", "services"),
    "Pod": ("", "v1", "pods"),
    "PodDisruptionBudget": ("policy", "v1", "poddisruptionbudgets"),
    "Event": ("events.k8s.io", "v1", "events"),
    "EndpointSlice": ("discovery.k8s.io", "v1", "endpointslices"),
    "PersistentVolumeClaim": ("", "v1", "persistentvolumeclaims"),
}
"""Kind -> (group, version, plural)."""


class ApiError(Exception):
    """The API server refused, or could not be asked (``status`` 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def transient(self) -> bool:
        """Worth trying again as it is: no answer, conflict, throttled, or the server's own failure."""
        return self.status in (0, 401, 404, 409, 429) or self.status >= 500

    @property
    def namespace_ends(self) -> bool:
        """The namespace is being deleted: nothing new can be made in it, and all that is there goes."""
        return self.status == 403 and "is being terminated" in self.message


@dataclass(frozen=True)
class Call:
    """One request to the API server."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Raw | None = None
    content_type: str = "application/json"


class Kube(Protocol):
    """What the reconciler asks of the API server. Every method raises ApiError."""

    async def get(self, kind: str, namespace: str, name: str) -> Raw | None: ...

    async def apply(self, manifest: Raw, subresource: str = "", manager: str = FIELD_MANAGER) -> Raw: ...

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None: ...

    async def create(self, manifest: Raw) -> Raw: ...


def path_of(kind: str, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """URL path of an object or of a collection; ``namespace`` None is the whole cluster."""
    group, version, plural = RESOURCES[kind]
    prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
    parts = [prefix, *(["namespaces", namespace] if namespace else []), plural, name, subresource]
    return "/".join(part for part in parts if part)


class KubeApi(AbstractAsyncContextManager["KubeApi"]):
    """``Kube`` over the official client. ``count(verb, status, seconds)`` is told of every call."""

    def __init__(self, count: Callable[[str, int, float], None] = lambda verb, status, seconds: None) -> None:
        self._count = count
        self._in_flight: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(IN_FLIGHT))
        self._configuration = client.Configuration()
        # Otherwise aiohttp looks for proxies and a .netrc in a thread, twice a request. The API server needs neither.
        self._configuration.client_session_kwargs = {"trust_env": False}
        self._configuration.connection_pool_maxsize = CONNECTIONS
        self.client: client.ApiClient

    async def __aenter__(self) -> "KubeApi":
        try:
            config.load_incluster_config(client_configuration=self._configuration)
        except config.ConfigException:
            await self._load_kubeconfig()
        self.client = client.ApiClient(self._configuration)
        return self

    async def _load_kubeconfig(self) -> None:
        try:
            await config.load_kube_config(client_configuration=self._configuration)
        except config.ConfigException as error:
            text = f"no cluster: not in a pod, and the kubeconfig cannot be used: {error}. Set KUBECONFIG."
            raise ApiError(0, text) from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()

    async def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        try:
            return await self.call("GET", path_of(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def apply(self, manifest: Raw, subresource: str = "", manager: str = FIELD_MANAGER) -> Raw:
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta["namespace"], meta["name"], subresource)
        query = {"fieldManager": manager, "force": "true"}
        async with self._in_flight[manifest["kind"]]:
            return await self.call("PATCH", path, query, manifest, "application/apply-patch+yaml")

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Deletes that very object (``uid``); one that is gone already is fine."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self.call("DELETE", path_of(kind, namespace, name), {}, body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def create(self, manifest: Raw) -> Raw:
        path = path_of(manifest["kind"], manifest["metadata"]["namespace"])
        async with self._in_flight[manifest["kind"]]:
            return await self.call("POST", path, {}, manifest)

    async def list(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        """Every object of the kind, page by page; items carry no apiVersion and kind, as the API server sends them."""
        async for page in self.pages(kind, namespace, selector):
            for item in page["items"]:
                yield item

    async def pages(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        """The same as lists of up to PAGE objects. The metadata of each has the resourceVersion to watch from."""
        query = {"limit": str(PAGE), **_selected(selector)}
        while True:
            page = await self.call("GET", path_of(kind, namespace), query)
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query = {**query, "continue": token}

    async def watch(self, kind: str, namespace: str | None, selector: str, version: str) -> AsyncIterator[Raw]:
        """What changed since ``version``, as {"type", "object"}, BOOKMARKs too; ends by itself after WATCH_S.

        Raises ApiError, 410 where the version is too old to watch from.
        """
        path = path_of(kind, namespace)
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
            **_selected(selector),
        }
        started, status = time.monotonic(), 0
        try:
            answer = await self._send(Call("GET", path, query), STREAM)
            status = answer.status
            self._count("WATCH", status, time.monotonic() - started)
            async with answer.response:
                if status != 200:
                    raise ApiError(status, _message(await answer.read(), f"WATCH {path}: HTTP {status}"))
                async for line in answer.response.content:
                    yield _event(line, path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not status:
                self._count("WATCH", status, time.monotonic() - started)
            raise ApiError(0, f"WATCH {path}: {error!r}") from error

    async def call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Raw | None = None,
        content_type: str = "application/json",
    ) -> Raw:
        """One request, and its answer. Raises ApiError."""
        started, status = time.monotonic(), 0
        try:
            answer = await self._send(Call(method, path, query or {}, body, content_type), TIMEOUT_S)
            status, text = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"{method} {path}: {error!r}") from error
        finally:
            self._count(method, status, time.monotonic() - started)
        if not 200 <= status <= 299:
            raise ApiError(status, _message(text, f"{method} {path}: HTTP {status}"))
        try:
            parsed: Raw = json.loads(text)
        except ValueError as error:
            raise ApiError(0, f"{method} {path}: the answer is not JSON; is a proxy in between?") from error
        return parsed

    async def _send(self, call: Call, limit: float | aiohttp.ClientTimeout) -> Any:
        """The client's answer, its body unread. ``limit``: seconds for all of it, or for its parts."""
        _, url, headers, _, _ = await self.client.param_serialize(
            call.method,
            f"{call.path}?{urlencode(call.query)}" if call.query else call.path,
            header_params={"Accept": "application/json", "Content-Type": call.content_type},
            auth_settings=["BearerToken"],
        )
        return await self.client.call_api(call.method, url, headers, call.body, _request_timeout=limit)


def _selected(selector: str) -> dict[str, str]:
    return {"labelSelector": selector} if selector else {}


def _event(line: bytes, path: str) -> Raw:
    """One line of a watch. Raises ApiError where it is none, or says that the watch is over."""
    try:
        event: Raw = json.loads(line)
        code = event["object"]["code"] if event["type"] == "ERROR" else 200
    except (ValueError, LookupError, TypeError) as error:
        raise ApiError(0, f"WATCH {path}: a line is no event") from error
    if code != 200:
        raise ApiError(code, str(event["object"].get("message", f"WATCH {path}: {code}")))
    return event


def _message(text: bytes, fallback: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return fallback
