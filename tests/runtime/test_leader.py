"""Who leads, with the library's own election over a fake lease."""

import asyncio
from types import SimpleNamespace

import pytest
from kubernetes.aio.leaderelection import leaderelection

from modelberth.runtime.leader import CALL_S, LEASE_S, RENEW_DEADLINE_S, RETRY_S, Lease, lead

from .fake_lease import LeaseApi


@pytest.fixture(autouse=True)
async def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    # Never a whole second: the library cannot read back what it writes of one, and takes the lease for unheld.
    clock = SimpleNamespace(time=lambda: 1_700_000_000.123 + loop.time())
    monkeypatch.setattr(leaderelection, "time", clock)


class Candidate:
    """One replica that runs for the lease; its work goes on until ``stop`` is set or it is cancelled."""

    def __init__(self, api: LeaseApi, name: str) -> None:
        self.working = False
        self.stop = asyncio.Event()
        self.error: Exception | None = None
        self.task = asyncio.create_task(lead(api.client(), Lease("modelberth", "system", name), self._work))

    async def _work(self) -> None:
        self.working = True
        try:
            await self.stop.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.working = False

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def api() -> LeaseApi:
    return LeaseApi()


async def test_one_of_two_leads(api: LeaseApi) -> None:
    first = Candidate(api, "first")
    await asyncio.sleep(1)
    second = Candidate(api, "second")
    await asyncio.sleep(300)
    assert (first.working, second.working) == (True, False)
    assert api.holder == "first"
    await first.kill()
    await second.kill()


async def test_a_killed_leader_is_followed_within_twenty_seconds(api: LeaseApi) -> None:
    first = Candidate(api, "first")
    await asyncio.sleep(1)
    second = Candidate(api, "second")
    await asyncio.sleep(20)
    await first.kill()
    assert not first.working
    await asyncio.sleep(LEASE_S - 2 * RETRY_S)
    assert not second.working
    await asyncio.sleep(20 - (LEASE_S - 2 * RETRY_S))
    assert second.working
    await second.kill()


async def test_a_leader_that_ends_its_work_releases_the_lease_and_is_followed_at_once(api: LeaseApi) -> None:
    first = Candidate(api, "first")
    await asyncio.sleep(1)
    second = Candidate(api, "second")
    await asyncio.sleep(10)
    first.stop.set()
    assert await first.task is True
    await asyncio.sleep(RETRY_S + 2)
    assert second.working
    await second.kill()


async def test_what_the_work_raises_is_raised_and_the_lease_released(api: LeaseApi) -> None:
    first = Candidate(api, "first")
    await asyncio.sleep(1)
    first.error = RuntimeError("boom")
    first.stop.set()
    with pytest.raises(RuntimeError, match="boom"):
        await first.task
    assert api.holder is None


async def test_a_lost_race_for_a_free_lease_is_tried_again_without_a_traceback(
    api: LeaseApi, caplog: pytest.LogCaptureFixture
) -> None:
    first = Candidate(api, "first")
    await asyncio.sleep(1)
    await first.kill()
    api.version += 1  # whoever reads the lease now is too late
    second = Candidate(api, "second")
    await asyncio.sleep(LEASE_S + 2 * RETRY_S)
    assert not second.working
    assert "could not be taken" in caplog.text
    api.version -= 1
    await asyncio.sleep(RETRY_S + 1)
    assert second.working
    assert not [record for record in caplog.records if record.exc_info]
    await second.kill()


async def test_lost_packets_are_survived_until_the_deadline(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(10)
    api.down = True
    await asyncio.sleep(RENEW_DEADLINE_S - RETRY_S - 1)
    api.down = False
    await asyncio.sleep(60)
    assert leader.working
    await leader.kill()


async def test_a_leader_cut_off_for_longer_stops_before_another_may_lead(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(10)
    api.down = True
    await asyncio.sleep(LEASE_S)
    assert leader.task.done()
    assert leader.task.result() is False
    await asyncio.sleep(0)
    assert not leader.working


async def test_a_leader_whose_calls_hang_stops_before_another_may_lead(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(10)
    api.hung = True
    await asyncio.sleep(LEASE_S - 1)
    assert leader.task.done()
    assert leader.task.result() is False
    assert not leader.working


async def test_a_candidate_whose_calls_hung_leads_soon_after(api: LeaseApi) -> None:
    api.hung = True
    candidate = Candidate(api, "first")
    await asyncio.sleep(60)
    assert not candidate.working
    api.hung = False
    await asyncio.sleep(CALL_S + RETRY_S)
    assert candidate.working
    await candidate.kill()


async def test_another_leader_in_the_lease_ends_this_one(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(10)
    assert api.lease is not None
    api.lease["spec"]["holderIdentity"] = "second"
    api.lease["spec"]["leaseDurationSeconds"] = 3600
    await asyncio.sleep(RENEW_DEADLINE_S + 2 * RETRY_S)
    assert leader.task.done()
    assert leader.task.result() is False
    assert api.holder == "second"


async def test_a_candidate_waits_while_the_api_server_is_away(api: LeaseApi) -> None:
    api.down = True
    candidate = Candidate(api, "first")
    await asyncio.sleep(60)
    assert not candidate.working
    api.down = False
    await asyncio.sleep(RETRY_S + 1)
    assert candidate.working
    await candidate.kill()


async def test_the_lease_of_somebody_else_is_not_released(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(1)
    assert api.lease is not None
    api.lease["spec"]["holderIdentity"] = "second"
    leader.stop.set()
    assert await leader.task is True
    assert api.holder == "second"


async def test_a_release_that_fails_is_no_error(api: LeaseApi) -> None:
    leader = Candidate(api, "first")
    await asyncio.sleep(1)
    api.down = True
    leader.stop.set()
    assert await leader.task is True
