"""What a watch event does: into the store, and its ModelDeployment into the queue."""

import asyncio
from typing import Any, cast

import pytest

from modelberth.api.meta import KIND
from modelberth.manifests.names import OWNER_LABEL
from modelberth.ports.kube import ApiError, KubeApi
from modelberth.runtime.resync import PERIOD_S, SOON_S, keep_in_sync
from modelberth.runtime.store import Key, Store
from modelberth.runtime.watch import RELIST_GAP_S, WATCHED, Watch
from tests.fakes.kube import FakeKube
from tests.fakes.resources import KEY, NAMESPACE, model_deployment

CHILD = {"metadata": {"namespace": NAMESPACE, "name": "x", "uid": "u", "resourceVersion": "5"}}
OWNED = {"metadata": {**CHILD["metadata"], "labels": {OWNER_LABEL: "llama"}}}


class Heard:
    def __init__(self) -> None:
        self.store = Store()
        self.keys: list[Key] = []
        self.restarts: list[str] = []
        self.stale = asyncio.Event()
        self.watch = Watch(self.store, self.keys.append, self.restarts.append)

    def take(self) -> list[Key]:
        keys, self.keys[:] = self.keys[:], []
        return keys


@pytest.fixture
async def heard() -> Heard:
    return Heard()


def newer(raw: dict[str, Any], version: int) -> dict[str, Any]:
    return {**raw, "metadata": {**raw["metadata"], "resourceVersion": str(version)}}


async def test_news_of_a_child_wakes_its_owner_once(heard: Heard) -> None:
    heard.watch.seen("Service", "ADDED", OWNED)
    assert heard.take() == [KEY]
    heard.watch.seen("Service", "ADDED", OWNED)
    heard.watch.seen("Service", "MODIFIED", newer(OWNED, 4))
    assert heard.take() == []
    heard.watch.seen("Service", "MODIFIED", newer(OWNED, 6))
    assert heard.take() == [KEY]
    heard.watch.seen("Service", "DELETED", newer(OWNED, 7))
    assert heard.take() == [KEY]
    assert heard.store.get("Service", NAMESPACE, "x") is None


async def test_a_resource_is_its_own_key_and_a_stray_child_wakes_nobody(heard: Heard) -> None:
    heard.watch.seen(KIND, "ADDED", newer({"metadata": {**CHILD["metadata"], "name": "llama"}}, 5))
    assert heard.take() == [KEY]
    heard.watch.seen("Service", "ADDED", CHILD)
    assert heard.take() == []


async def test_what_was_listed_twice_is_a_restart_of_the_watch(heard: Heard) -> None:
    for version in range(10):
        heard.watch.seen("Pod", None, newer(OWNED, 10 + version))
        await asyncio.sleep(RELIST_GAP_S / 5)
    assert heard.restarts == []
    await asyncio.sleep(60)
    heard.watch.seen("Pod", None, newer(OWNED, 30))
    heard.watch.seen("Service", None, newer(OWNED, 30))
    assert heard.restarts == ["Pod"]


async def test_the_resync_prunes_ghosts_and_looks_at_everything_again(heard: Heard) -> None:
    kube = FakeKube()
    kube.put(KIND, model_deployment())
    heard.watch.seen("Service", "ADDED", OWNED)
    heard.take()
    task = asyncio.create_task(keep_in_sync(cast(KubeApi, kube), heard.store, [], heard.keys.append, heard.stale))
    await asyncio.sleep(PERIOD_S + 1)
    assert heard.store.get("Service", NAMESPACE, "x") is None
    assert heard.store.resources() == [KEY]
    assert set(heard.take()) == {KEY}
    task.cancel()


async def test_what_went_while_a_watch_was_down_is_found_soon_after_it_started_again(heard: Heard) -> None:
    heard.watch.seen(KIND, "ADDED", model_deployment())
    heard.watch.seen("Service", "ADDED", OWNED)
    heard.take()
    kube = FakeKube()
    kube.put(KIND, model_deployment())
    task = asyncio.create_task(keep_in_sync(cast(KubeApi, kube), heard.store, [], heard.keys.append, heard.stale))
    await asyncio.sleep(60)
    assert heard.store.get("Service", NAMESPACE, "x") is not None
    heard.stale.set()
    await asyncio.sleep(SOON_S + 1)
    assert heard.store.get("Service", NAMESPACE, "x") is None
    assert set(heard.take()) == {KEY}
    await asyncio.sleep(60)
    assert heard.take() == [], "once"
    task.cancel()


async def test_what_a_list_brings_before_the_watch_does_is_looked_at(heard: Heard) -> None:
    kube = FakeKube()
    kube.put(KIND, model_deployment())
    heard.stale.set()
    task = asyncio.create_task(keep_in_sync(cast(KubeApi, kube), heard.store, [], heard.keys.append, heard.stale))
    await asyncio.sleep(SOON_S + 1)
    assert heard.take() == [KEY]
    (found,) = heard.store.all(KIND)
    heard.watch.seen(KIND, "ADDED", found)
    assert heard.take() == [], "the watch comes too late to tell"
    task.cancel()


async def test_a_resource_that_went_meanwhile_is_looked_at_too(heard: Heard) -> None:
    heard.watch.seen(KIND, "ADDED", model_deployment())
    heard.take()
    heard.stale.set()
    task = asyncio.create_task(keep_in_sync(cast(KubeApi, FakeKube()), heard.store, [], heard.keys.append, heard.stale))
    await asyncio.sleep(SOON_S + 1)
    assert (heard.store.resources(), heard.take()) == ([], [KEY])
    task.cancel()


async def test_a_resync_that_fails_is_put_off_and_prunes_nothing(heard: Heard) -> None:
    class Down(FakeKube):
        async def list(self, kind: str, namespace: str | None, selector: str) -> Any:
            raise ApiError(503, "away")
            yield

    heard.watch.seen("Service", "ADDED", OWNED)
    heard.take()
    task = asyncio.create_task(keep_in_sync(cast(KubeApi, Down()), heard.store, [], heard.keys.append, heard.stale))
    await asyncio.sleep(PERIOD_S * 3 + 1)
    assert heard.store.get("Service", NAMESPACE, "x") is not None
    assert heard.take() == []
    assert not task.done()
    task.cancel()


async def test_everything_that_is_made_is_watched() -> None:
    children = {"Deployment", "Service", "EndpointSlice", "PodDisruptionBudget", "PersistentVolumeClaim"}
    assert set(WATCHED) == {KIND, "Pod", *children}
