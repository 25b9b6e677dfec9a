"""kopf as a watcher: every event goes into the store, and its ModelDeployment into the queue. Nothing else.

``on.event`` costs no write; kopf's other handlers leave annotations and finalizers on the object.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from typing import Any

import kopf

from modelberth.api.meta import KIND
from modelberth.manifests.names import SELECTOR, SLICE_MANAGED_BY, SLICE_MANAGER
from modelberth.ports.kube import RESOURCES
from modelberth.runtime.store import Key, Store, owner_key

log = logging.getLogger(__name__)

WATCHED = {kind: resource for kind, resource in RESOURCES.items() if kind != "Event"}
SELECTORS = {
    **dict.fromkeys(WATCHED, SELECTOR),
    KIND: "",
    # The endpoint controller gives its own slices the labels of our Service.
    "EndpointSlice": f"{SLICE_MANAGED_BY}={SLICE_MANAGER}",
}
"""Which objects of each kind are watched."""

RELIST_GAP_S = 5.0
"""Listed objects that come this long after the last one belong to another list: the watch was started again."""


class _NoDiffBase(kopf.DiffBaseStorage):
    """kopf computes and keeps a digest of every object for handlers that we do not have: half the CPU of an event."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> Any:
        return {}

    def fetch(self, *, body: kopf.Body) -> Any:
        return {}

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """The same for the progress of handlers."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


class Watch:
    """Runs until it is cancelled or the process is told to stop."""

    def __init__(self, store: Store, add: Callable[[Key], None], restarted: Callable[[str], None]) -> None:
        self._store = store
        self._add = add
        self._restarted = restarted
        self._listed: dict[str, float] = {}

    async def run(self, namespaces: list[str], stop: asyncio.Event) -> None:
        """Watches the namespaces (empty: the cluster) until ``stop`` is set."""
        registry = kopf.OperatorRegistry()
        for kind, resource in WATCHED.items():
            kopf.on.event(*resource, registry=registry, id=kind)(self._handler(kind))
        kopf.on.login(registry=registry)(_login)
        loop = asyncio.get_running_loop()
        before = asyncio.all_tasks(loop)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=_settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
        # kopf takes SIGTERM for itself; then its own wait for our flag would be left over and cost 5 s at the end.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await kopf.run_tasks(tasks, ignored=before)

    def seen(self, kind: str, event: str | None, raw: Mapping[str, Any]) -> None:
        """One watch event: ADDED, MODIFIED, DELETED, or None for a listed object."""
        if event is None:
            self._note_list(kind)
        if event == "DELETED":
            self._store.deleted(kind, raw)
        elif not self._store.remember(kind, raw):
            return
        key = key_of(kind, raw)
        if key is not None:
            self._add(key)

    def _handler(self, kind: str) -> Callable[..., Any]:
        async def on_event(type: str | None, body: kopf.Body, **_: Any) -> None:
            self.seen(kind, type, dict(body))

        return on_event

    def _note_list(self, kind: str) -> None:
        now = asyncio.get_running_loop().time()
        last = self._listed.get(kind)
        if last is not None and now - last > RELIST_GAP_S:
            self._restarted(kind)
            log.info("the watch of %s was started again", kind)
        self._listed[kind] = now


def key_of(kind: str, raw: Mapping[str, Any]) -> Key | None:
    """The ModelDeployment that news of this object are about."""
    return (raw["metadata"]["namespace"], raw["metadata"]["name"]) if kind == KIND else owner_key(raw)


def _login(**kwargs: Any) -> Any:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    # kopf keeps a task and a queue for every object that had an event lately; a burst would hold thousands of them.
    settings.queueing.idle_timeout = 0.2
    for kind, (_, _, plural) in WATCHED.items():
        if SELECTORS[kind]:
            settings.watching.label_selectors[plural] = SELECTORS[kind]
    return settings
