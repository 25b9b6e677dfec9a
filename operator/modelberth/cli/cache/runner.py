"""What of `modelberth cache` happens in a cluster: the API server knows who uses a cache, a pod works on the volume."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from kubernetes.aio import client

from modelberth.cli.cache.place import Place
from modelberth.cli.cache.problem import CacheProblem
from modelberth.cli.cache.rows import Row
from modelberth.cli.cache.task_pod import Task, task_pod
from modelberth.cli.cache.users import User, users
from modelberth.manifests.names import CACHE_DIR
from modelberth.manifests.settings import Settings
from modelberth.ports.kube import ApiError, KubeApi

Raw = dict[str, Any]
START_S = 180.0
"""Seconds for the pod to be scheduled and to run, an image pull included."""


class CacheRunner:
    """One cache in a cluster. Methods raise ApiError and CacheProblem."""

    def __init__(self, kube: KubeApi, place: Place, image: str | None, say: Callable[[str], None]) -> None:
        self._kube = kube
        self._place = place
        self._image = image
        self._say = say

    async def users(self) -> list[User]:
        """Everybody who mounts it now."""
        searched = self._place.searched
        deployments = [raw async for raw in self._kube.list("Deployment", searched, "")]
        pods = [raw async for raw in self._kube.list("Pod", searched, "")]
        return users(deployments, pods, self._place)

    async def run(self, arguments: Sequence[str], found: Sequence[User]) -> list[Row]:
        """`modelberth cache ARGUMENTS` in a pod that has the cache, which is deleted afterwards; what it printed."""
        pod = await self._kube.create(task_pod(self._task(arguments, found)))
        meta = pod["metadata"]
        self._say(f"Pod {meta['namespace']}/{meta['name']} looks at {self._place}.")
        try:
            ended = await self._ended(meta["namespace"], meta["name"])
            output = await client.CoreV1Api(self._kube.client).read_namespaced_pod_log(meta["name"], meta["namespace"])
        except client.ApiException as error:
            raise ApiError(error.status or 0, f"its log cannot be read: {error.reason}") from error
        finally:
            # Also on Ctrl-C; and the deadline in its spec ends it where this cannot.
            with suppress(ApiError):
                await self._kube.delete("Pod", meta["namespace"], meta["name"], meta["uid"])
        if ended != "Succeeded":
            raise CacheProblem(f"the pod ended as {ended}: {output.strip() or 'it said nothing'}")
        return _rows(output)

    def _task(self, arguments: Sequence[str], found: Sequence[User]) -> Task:
        """On the node that has the volume already; with the image that is pulled there already."""
        nodes = [user.node for user in found if user.node]
        ours = next((user for user in found if user.image and user.entry), None)
        return Task(
            place=self._place,
            arguments=["cache", *arguments, "--dir", CACHE_DIR, "--json"],
            image=self._image or (ours and ours.image) or Settings().fetcher.image,
            node=self._place.only_node or next(iter(nodes), None),
            pull_secrets=(ours.spec.get("imagePullSecrets") or []) if ours else [],
        )

    async def _ended(self, namespace: str, name: str) -> str:
        """The phase that the pod ended in. Raises CacheProblem when it does not start."""
        told, waited = "", 0.0
        while True:
            pod = await self._kube.get("Pod", namespace, name)
            status = (pod or {}).get("status") or {}
            phase = str(status.get("phase", "Pending"))
            if pod is None or phase in ("Succeeded", "Failed"):
                return phase if pod else "deleted"
            if (why := waits_for(status)) and why != told:
                told = why
                self._say(f"It waits: {why}")
            if phase == "Pending" and waited >= START_S:
                raise CacheProblem(f"the pod does not start: {told or 'Kubernetes does not say why'}")
            await asyncio.sleep(1)
            waited += 1


def waits_for(status: Raw) -> str:
    """Why a pod does not run yet, as Kubernetes says it; empty where it does not."""
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}"
    return ""


def _rows(output: str) -> list[Row]:
    try:
        rows: list[Row] = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise CacheProblem(f"the pod printed no list of entries: {output.strip()[-500:]}") from error
    return rows
