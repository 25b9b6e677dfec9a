"""Certificates over decades: always valid, renewed in time, and every one that is still served is still believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.webhook.certificates import AUTHORITY_LIFETIME, BACKDATED, SERVING_LIFETIME, Kept, Pair, renewed

NAME = "modelberth-webhook.modelberth-system.svc"
START = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = renewed(None, NAME, START)
OTHER = renewed(None, NAME, START)


def believed(pair: Pair, authorities: bytes, at: datetime, name: str = NAME) -> bool:
    """Whether a TLS client like the API server's takes the certificate."""
    trust = Store(x509.load_pem_x509_certificates(authorities))
    verifier = PolicyBuilder().store(trust).time(at).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(x509.load_pem_x509_certificate(pair.certificate), [])
    except VerificationError:
        return False
    return True


def test_the_first_ones() -> None:
    assert believed(KEPT.serving, KEPT.authorities, START)
    assert believed(KEPT.serving, KEPT.authorities, START - BACKDATED), "the API server's clock may be behind"
    assert not believed(KEPT.serving, KEPT.authorities, START, "other.modelberth-system.svc")
    assert not believed(KEPT.serving, OTHER.authorities, START), "another authority of the same name"
    assert KEPT.serving.end == START + SERVING_LIFETIME


def test_nothing_is_made_anew_before_it_is_due() -> None:
    for days in (0, 1, 30, 59):
        assert renewed(KEPT, NAME, START + timedelta(days=days)) is KEPT
    assert renewed(Kept.of(KEPT.data()), NAME, START) == KEPT


def test_the_serving_certificate_is_renewed_under_the_same_authority() -> None:
    later = renewed(KEPT, NAME, START + timedelta(days=61))
    assert (later.authorities, later.authority_key) == (KEPT.authorities, KEPT.authority_key)
    assert later.serving.end == START + timedelta(days=61) + SERVING_LIFETIME
    assert later.serving.key != KEPT.serving.key


def test_another_name_needs_another_certificate() -> None:
    moved = renewed(KEPT, "other.ns.svc", START)
    assert believed(moved.serving, KEPT.authorities, START, "other.ns.svc")
    assert moved.authorities == KEPT.authorities


def test_an_authority_that_was_followed_stays_until_it_ends() -> None:
    change = START + AUTHORITY_LIFETIME * 0.7
    young = renewed(KEPT, NAME, change - timedelta(days=200))
    followed = renewed(young, NAME, change)
    assert len(x509.load_pem_x509_certificates(followed.authorities)) == 2
    assert followed.authorities.endswith(KEPT.authorities)
    ended = renewed(followed, NAME, START + AUTHORITY_LIFETIME + AUTHORITY_LIFETIME * 0.5)
    assert len(x509.load_pem_x509_certificates(ended.authorities)) == 2, "the first has ended, a third has followed"


@pytest.mark.parametrize("part", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
@pytest.mark.parametrize("content", [None, b"", b"x", "other", "-----BEGIN PRIVATE KEY-----"])
def test_what_is_damaged_is_made_anew(part: str, content: bytes | str | None) -> None:
    data = KEPT.data()
    if content is None:
        del data[part]
    elif content == "other":
        data[part] = OTHER.data()[part]
    else:
        data[part] = content if isinstance(content, bytes) else data[part][:60]
    made = renewed(Kept.of(data), NAME, START)
    assert believed(made.serving, made.authorities, START)
    assert renewed(made, NAME, START) is made


def test_the_content_of_an_empty_secret() -> None:
    assert Kept.of({}) is None
    assert Kept.of({**KEPT.data(), "note": b"by hand"}) == KEPT


@settings(max_examples=25)
@given(st.lists(st.floats(0.01, 40.0), min_size=2, max_size=60))
def test_over_the_years_each_is_believed_while_it_is_served(steps: list[float]) -> None:
    """``steps``: days between looks. Whoever still serves the one before is believed with the bundle of now."""
    now, states = START, [KEPT]
    for days in steps:
        now += timedelta(days=days * 10)
        kept = renewed(states[-1], NAME, now)
        assert believed(kept.serving, kept.authorities, now)
        assert renewed(kept, NAME, now) is kept
        states.append(kept)
        for before, after in pairwise(states[-3:]):
            if before.serving.end > now:
                assert believed(before.serving, after.authorities, now)


def test_a_chain_of_somebody_else_is_read_for_its_end() -> None:
    chain = replace(KEPT.serving, certificate=KEPT.serving.certificate + KEPT.authorities)
    assert chain.end == KEPT.serving.end
    with pytest.raises(ValueError, match="PEM"):
        _ = Pair(b"", b"").end
