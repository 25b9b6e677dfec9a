"""Subnets: where they are, and that they keep out of the machine's way."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from e2e.cluster import network
from e2e.cluster.interface import ClusterError
from e2e.cluster.network import CANDIDATES, Link, Subnets, choose, clash, destinations

FIRST = CANDIDATES[0]


def test_addresses() -> None:
    subnets = Subnets(231)
    assert (subnets.host, subnets.node, subnets.api_service) == ("10.231.0.1", "10.231.0.2", "10.232.0.1")
    assert subnets.services.prefixlen == 16
    assert subnets.server == "https://10.231.0.2:6443"


def test_candidates_do_not_overlap() -> None:
    networks = [n for candidate in CANDIDATES for n in candidate.all]
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)


def test_default_route_claims_nothing() -> None:
    routes: list[dict[str, object]] = [{"dst": "default", "dev": "eth0"}, {"dst": "10.231.7.0/24", "dev": "tun0"}]
    assert destinations(routes) == {IPv4Network("10.231.7.0/24"): "tun0"}


def test_choose_takes_the_first_free() -> None:
    assert choose({}) == FIRST
    assert choose({IPv4Network("10.232.5.0/24"): "tun0"}) == CANDIDATES[1]


def test_choose_leaves_what_another_cluster_keeps() -> None:
    assert choose({}, [FIRST]) == CANDIDATES[1]


def test_choose_fails_where_all_is_taken() -> None:
    with pytest.raises(ClusterError, match="ip route"):
        choose({IPv4Network("10.0.0.0/8"): "tun0"})


def test_clash_names_both_sides() -> None:
    assert clash(FIRST, {IPv4Network("10.231.0.2/32"): "tun0"}) == "10.231.0.0/30 overlaps 10.231.0.2/32 on tun0"
    assert clash(FIRST, {IPv4Network("192.0.2.0/24"): "eth0"}) is None


def test_a_cluster_that_is_down_keeps_its_subnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "run", lambda argv: "[]")
    first, second = tmp_path / "cluster", tmp_path / "cluster-second"
    first.mkdir()
    second.mkdir()
    assert network.remember(first) != network.remember(second)


def test_devices_of_two_clusters_have_their_own_names() -> None:
    usual, second = Link("modelberth"), Link("second")
    assert (usual.host_end, usual.node_end, str(usual.namespace)) == (
        "modelberth0",
        "modelberth1",
        "/run/netns/modelberth",
    )
    assert not {usual.host_end, usual.node_end} & {second.host_end, second.node_end}


def test_subnets_are_kept_until_they_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = "[]"
    monkeypatch.setattr(network, "run", lambda argv: routes)
    assert network.recall(tmp_path) is None
    assert network.remember(tmp_path) == FIRST
    assert network.recall(tmp_path) == FIRST
    routes = '[{"dst": "10.231.0.0/16", "dev": "tun0"}]'
    with pytest.raises(ClusterError, match=r"tun0.*\n.*down"):
        network.remember(tmp_path)
