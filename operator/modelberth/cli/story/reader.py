"""Asks the API server for what a story needs; reads, and never writes. What is refused is noted, and the rest goes on.

Secrets are never asked for, and nothing of a container's environment is looked at.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from modelberth.api.meta import GROUP, KIND, VERSION
from modelberth.cli.story.headline import Raw
from modelberth.cli.story.logs import Wanted, wanted_logs
from modelberth.cli.story.pods import pods_of
from modelberth.cli.story.seen import Log, Seen
from modelberth.cli.story.surroundings import claims_wanted
from modelberth.manifests.names import (
    OWNER_LABEL,
    SLICE_SERVICE,
    facts_pod_name,
    prefetch_pod_name,
)
from modelberth.ports.kube import PAGE, ApiError, path_of
from modelberth.ports.user_kube import UserKube

T = TypeVar("T")

LOG_LINES = 20
NOT_FOUND = 404
WAITS = 400
"""The answer to a request for the log of a container that did not start yet."""


class MissingError(Exception):
    """There is no such thing; the message is for people."""


async def resource_of(kube: UserKube, namespace: str, name: str) -> Raw:
    """The ModelDeployment. Raises MissingError and ApiError."""
    found = await kube.get(KIND, namespace, name)
    if found is None:
        await _installed(kube)
        raise MissingError(f'there is no ModelDeployment "{name}" in namespace "{namespace}"')
    return found


async def resources_of(kube: UserKube, namespace: str | None) -> list[Raw]:
    """Every ModelDeployment; ``namespace`` None is the whole cluster. Raises MissingError and ApiError."""
    try:
        return [each async for each in kube.list(KIND, namespace, "")]
    except ApiError as error:
        if error.status == NOT_FOUND:
            await _installed(kube)
        raise


async def _installed(kube: UserKube) -> None:
    try:
        await kube.call("GET", f"/apis/{GROUP}/{VERSION}")
    except ApiError as error:
        if error.status == NOT_FOUND:
            raise MissingError(f"Modelberth is not installed in this cluster: it knows no {KIND}") from error


async def seen_around(kube: UserKube, resource: Raw, container: str | None = None) -> Seen:
    """Everything around the resource. ``container``: whose logs are read, instead of those that look bad."""
    ask = _Ask(kube, resource)
    seen = await ask.objects()
    seen = replace(seen, claims=await ask.claims(seen), logs=await ask.logs(wanted_logs(pods_of(seen), container)))
    return replace(seen, unseen=tuple(ask.unseen), refused=frozenset(ask.refused))


class _Ask:
    """The look-ups, each on its own."""

    def __init__(self, kube: UserKube, resource: Raw) -> None:
        self._kube = kube
        self._resource = resource
        self._namespace: str = resource["metadata"]["namespace"]
        self._name: str = resource["metadata"]["name"]
        self.unseen: list[str] = []
        self.refused: set[str] = set()

    async def objects(self) -> Seen:
        mine = f"{OWNER_LABEL}={self._name}"
        served = f"{SLICE_SERVICE}={self._name}"
        names = (facts_pod_name(self._name), prefetch_pod_name(self._name))
        deployment, service, sets, pods, errands = await asyncio.gather(
            self._look("deployment", self._kube.get("Deployment", self._namespace, self._name), None),
            self._look("service", self._kube.get("Service", self._namespace, self._name), None),
            self._look("replica sets", self._list("/apis/apps/v1", "replicasets", mine), []),
            self._look("pods", self._list("/api/v1", "pods", mine), []),
            self._look("pods", self._named_pods(names), []),
        )
        events, slices, quotas = await asyncio.gather(
            self._look("events", self._list("/api/v1", "events"), []),
            self._look("endpoints", self._list("/apis/discovery.k8s.io/v1", "endpointslices", served), []),
            self._look("quotas", self._list("/api/v1", "resourcequotas"), []),
        )
        return Seen(
            resource=self._resource,
            deployment=self._mine(deployment),
            replica_sets=sets,
            pods=[*pods, *errands],
            events=events,
            service=service,
            slices=slices,
            quotas=quotas,
        )

    async def _named_pods(self, names: tuple[str, ...]) -> list[Raw]:
        found = [self._mine(await self._kube.get("Pod", self._namespace, name)) for name in names]
        return [pod for pod in found if pod is not None]

    def _mine(self, found: Raw | None) -> Raw | None:
        """One of the same name may be somebody else's."""
        uid = self._resource["metadata"].get("uid")
        owners = ((found or {}).get("metadata") or {}).get("ownerReferences") or []
        return found if any(owner.get("uid") == uid for owner in owners) else None

    async def claims(self, seen: Seen) -> list[Raw]:
        names = sorted(claims_wanted(seen))
        found = await asyncio.gather(
            *(
                self._look("claims", self._kube.get("PersistentVolumeClaim", self._namespace, name), None)
                for name in names
            )
        )
        return [claim for claim in found if claim is not None]

    async def logs(self, wanted: list[Wanted]) -> tuple[Log, ...]:
        found = await asyncio.gather(*(self._look("logs", self._log(each), None) for each in wanted))
        return tuple(log for log in found if log is not None)

    async def _log(self, wanted: Wanted) -> Log | None:
        query = {"container": wanted.container, "tailLines": str(LOG_LINES)}
        if wanted.previous:
            query["previous"] = "true"
        try:
            text = await self._kube.text(path_of("Pod", self._namespace, wanted.pod, "log"), query)
        except ApiError as error:
            if error.status in (WAITS, NOT_FOUND):
                return None
            raise
        return Log(wanted.pod, wanted.container, wanted.previous, tuple(text.splitlines()))

    async def _list(self, prefix: str, plural: str, selector: str = "") -> list[Raw]:
        path = f"{prefix}/namespaces/{self._namespace}/{plural}"
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        items: list[Raw] = []
        while True:
            page = await self._kube.call("GET", path, query)
            items += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return items
            query = {**query, "continue": token}

    async def _look(self, what: str, answer: Awaitable[T], instead: T) -> T:
        try:
            return await answer
        except ApiError as error:
            self.refused.add(what)
            line = f"{what}: {error.message}"
            if line not in self.unseen:
                self.unseen.append(line)
            return instead
