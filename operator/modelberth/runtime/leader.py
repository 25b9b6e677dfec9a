"""Leader election on a Lease: many replicas run, one leads. Losing the lease ends the process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.leaderelection import electionconfig, leaderelection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

log = logging.getLogger(__name__)

LEASE_S = 12
"""Seconds without a renewal after which another replica takes over: at most LEASE_S + RETRY_S in all."""
RENEW_DEADLINE_S = 8
RETRY_S = 3
CALL_S = 3
"""Seconds that one call may take: there is time for a second try. The client's own limit of five minutes would outlast
the lease."""
GIVE_UP_S = 10
"""Seconds after the last renewal was sent: from then on this leader does nothing, whatever its calls still wait for."""

_CONNECTION = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True)
class Lease:
    """Which Lease, and as whom."""

    name: str
    namespace: str
    identity: str


class _Lock(LeaseLock):
    """The library's lock lets connection errors through, which would end a leader at its first lost packet."""

    def __init__(self, lease: Lease, api: client.ApiClient) -> None:
        super().__init__(lease.name, lease.namespace, lease.identity, api)
        self.expired = asyncio.Event()
        """Set GIVE_UP_S after the last renewal."""
        self._timer: asyncio.TimerHandle | None = None

    def renewed(self, sent: float) -> None:
        """Counts anew from when the renewal was sent, in the event loop's time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(sent + GIVE_UP_S, self.expired.set)

    async def get(self, name: str, namespace: str) -> Any:
        try:
            async with asyncio.timeout(CALL_S):
                return await super().get(name, namespace)
        except _CONNECTION as error:
            return False, client.ApiException(status=0, reason=repr(error))

    async def create(self, name: str, namespace: str, election_record: Any) -> bool:
        # Not the library's: kubernetes 37.0.2 passes pretty=True, which its own API class refuses.
        lease = client.V1Lease(metadata=client.V1ObjectMeta(name=name), spec=self.update_lease(election_record))
        sent = _now()
        try:
            async with asyncio.timeout(CALL_S):
                await self.api_instance.create_namespaced_lease(namespace, lease)
            self.renewed(sent)
            return True
        except (client.ApiException, *_CONNECTION) as error:
            log.warning("the lease could not be created: %r", error)
            return False

    async def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        # Not the library's: it logs a traceback where two reach for a free lease and one of them is quicker.
        lease = self.lease_reference
        assert lease is not None, "the library reads before it updates"
        lease.spec = self.update_lease(updated_record, lease.spec)
        sent = _now()
        try:
            async with asyncio.timeout(CALL_S):
                await self.api_instance.replace_namespaced_lease(name, namespace, lease)
            self.renewed(sent)
            return True
        except (client.ApiException, *_CONNECTION) as error:
            log.warning("the lease could not be taken or renewed: %s", getattr(error, "reason", None) or repr(error))
            return False


async def lead(api: client.ApiClient, lease: Lease, work: Callable[[], Awaitable[None]]) -> bool:
    """Waits for the lease, then runs ``work``. True when the work ended by itself, False when the lease was lost.

    Raises what the work raises.
    """
    outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    worker: asyncio.Task[Any] | None = None

    async def started() -> None:
        nonlocal worker
        worker = asyncio.current_task()
        log.info("leading as %s", lease.identity)
        try:
            await work()
            outcome.set_result(None)
        except Exception as error:
            outcome.set_exception(error)

    lock = _Lock(lease, api)
    config = electionconfig.Config(
        lock,
        lease_duration=LEASE_S,
        renew_deadline=RENEW_DEADLINE_S,
        retry_period=RETRY_S,
        onstarted_leading=started,
        onstopped_leading=_nothing,
    )
    election = asyncio.create_task(leaderelection.LeaderElection(config).run())
    expired = asyncio.create_task(lock.expired.wait())
    ends: set[asyncio.Future[Any]] = {election, expired, outcome}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not outcome.done():
            if election.done():
                election.result()  # an error of the election itself is not a lost lease
            return False
        await _release(api, lease)
        outcome.result()
        return True
    finally:
        # The library ends the work where the lease is lost, but not where the election itself is ended.
        tasks = [task for task in (election, expired, worker) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _nothing() -> None:
    """The end of the election itself says that the lease was lost."""


async def _release(api: client.ApiClient, lease: Lease) -> None:
    """Lets the next replica lead at once instead of after LEASE_S."""
    leases = client.CoordinationV1Api(api)
    try:
        async with asyncio.timeout(CALL_S):
            held = await leases.read_namespaced_lease(lease.name, lease.namespace)
            if held.spec is not None and held.spec.holder_identity == lease.identity:
                held.spec.holder_identity = ""
                await leases.replace_namespaced_lease(lease.name, lease.namespace, held)
    except (client.ApiException, *_CONNECTION) as error:
        log.warning("the lease was not released: %r", error)
