"""Which way is taken, and what a way refuses."""

import os
from collections.abc import Callable

import pytest

from e2e.cluster import kind, local
from e2e.cluster.choose import choose
from e2e.cluster.cli import main
from e2e.cluster.current import CurrentCluster
from e2e.cluster.interface import Cluster, ClusterError
from e2e.cluster.kind import KindCluster
from e2e.cluster.local import LocalCluster


def yes() -> bool:
    return True


def no() -> bool:
    return False


@pytest.mark.parametrize(
    ("asked", "environ", "usable", "way"),
    [
        (None, {}, yes, "kind"),
        (None, {}, no, "local"),
        (None, {"KUBECONFIG": "/production"}, no, "local"),
        (None, {"CLUSTER": "current"}, yes, "current"),
        ("local", {"CLUSTER": "current"}, yes, "local"),
    ],
)
def test_way(asked: str | None, environ: dict[str, str], usable: Callable[[], bool], way: str) -> None:
    assert choose(asked, environ, usable).way == way


def test_unknown_way_lists_the_known() -> None:
    with pytest.raises(ClusterError, match=r"current\|kind\|local"):
        choose("minikube")


def test_every_way_is_a_cluster() -> None:
    ways: list[Cluster] = [CurrentCluster(), KindCluster(), LocalCluster()]
    assert len({cluster.way for cluster in ways}) == 3


def test_current_says_how_images_get_there() -> None:
    with pytest.raises(ClusterError, match="registry"):
        CurrentCluster().load(["x.tar"])


def test_local_without_root_names_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(local.sys, "platform", "linux")  # type: ignore[attr-defined]
    with pytest.raises(ClusterError, match="CLUSTER=kind"):
        LocalCluster().up()


def test_kind_without_an_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "engine", lambda: None)
    with pytest.raises(ClusterError, match="CLUSTER=local"):
        KindCluster().up()


def test_an_error_is_one_message_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTER", "nowhere")
    assert main(["status"]) == 1
    assert "error: no such way" in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("up", "down", "load", "status", "kubeconfig", "env", "fake-gpus", "kwok", "KUBECONFIG"):
        assert word in said
