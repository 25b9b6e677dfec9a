"""Two replicas over time: one writes, both serve what the API server trusts, at rest nobody writes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from modelberth.ports.kube import ApiError
from modelberth.webhook.certificates import Kept, Pair
from modelberth.webhook.sources import Mounted, SelfMade
from tests.webhook.fake_api import FakeAdmissionApi
from tests.webhook.test_certificates import NAME, START, believed


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Replicas:
    """Two operators over one API server."""

    api: FakeAdmissionApi = field(default_factory=FakeAdmissionApi)
    clock: Clock = field(default_factory=Clock)

    @property
    def one(self) -> SelfMade:
        return SelfMade(self.api, NAME, self.clock)


async def test_an_empty_secret_is_filled_and_trusted_before_anything_is_served() -> None:
    replicas = Replicas()
    pair = await replicas.one.current()
    assert replicas.api.history == ["write", "trust"]
    assert believed(pair, replicas.api.authorities, START)
    assert set(replicas.api.data or {}) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}


async def test_the_other_replica_reads_and_nobody_writes_at_rest() -> None:
    replicas = Replicas()
    pair = await replicas.one.current()
    replicas.api.history.clear()
    for days in range(0, 59, 7):
        replicas.clock.now = START + timedelta(days=days)
        assert await replicas.one.current() == pair
    assert replicas.api.history == []


async def test_of_two_that_write_at_once_one_wins() -> None:
    replicas, other = Replicas(), Replicas()
    stale = await replicas.api.read()
    await replicas.one.current()
    kept = Kept.of((await other.one.current(), other.api.data)[1] or {})
    assert kept is not None
    with pytest.raises(ApiError) as caught:
        await replicas.api.write(kept.data(), stale.version)
    assert (caught.value.status, caught.value.transient) == (409, True)
    assert believed(await replicas.one.current(), replicas.api.authorities, START)


async def test_renewal_and_no_refusal_in_between() -> None:
    replicas = Replicas()
    before = await replicas.one.current()
    replicas.clock.now += timedelta(days=61)
    after = await replicas.one.current()
    assert after != before
    for served in (before, after):
        assert believed(served, replicas.api.authorities, replicas.clock.now)
    assert replicas.api.history == ["write", "trust", "write"], "the authority is the same"


async def test_a_new_authority_is_trusted_beside_the_old_one() -> None:
    replicas = Replicas()
    for days in range(0, 2500, 30):
        replicas.clock.now = START + timedelta(days=days)
        before, bundle = await replicas.one.current(), replicas.api.authorities
        assert believed(before, bundle, replicas.clock.now)
        if bundle.count(b"BEGIN") == 2:
            break
    else:
        pytest.fail("the authority was never followed by another")
    assert replicas.api.history[-2:] == ["write", "trust"]


@pytest.mark.parametrize("data", [{}, {"tls.crt": b"x"}])
async def test_an_emptied_secret_is_filled_anew_and_the_trust_follows(data: dict[str, bytes]) -> None:
    replicas = Replicas()
    first, bundle = await replicas.one.current(), replicas.api.authorities
    replicas.api.data = data
    second = await replicas.one.current()
    assert second != first
    assert replicas.api.authorities != bundle
    assert believed(second, replicas.api.authorities, START)


async def test_trust_that_somebody_took_away_comes_back() -> None:
    replicas = Replicas()
    pair = await replicas.one.current()
    replicas.api.authorities = b""
    assert await replicas.one.current() == pair
    assert believed(pair, replicas.api.authorities, START)


@pytest.mark.parametrize("method", ["read", "write", "trusted", "trust"])
async def test_nothing_is_served_that_is_not_kept_and_trusted(method: str) -> None:
    replicas = Replicas()
    replicas.api.refuse[method] = ApiError(403, "forbidden")
    with pytest.raises(ApiError):
        await replicas.one.current()
    assert believed(await replicas.one.current(), replicas.api.authorities, START)


async def test_a_mounted_certificate_is_read_anew(tmp_path: Path) -> None:
    source = Mounted(tmp_path)
    with pytest.raises(FileNotFoundError):
        await source.current()
    (tmp_path / "tls.crt").write_bytes(b"one")
    (tmp_path / "tls.key").write_bytes(b"key")
    assert await source.current() == Pair(b"one", b"key")
    (tmp_path / "tls.crt").write_bytes(b"two")
    assert (await source.current()).certificate == b"two"
