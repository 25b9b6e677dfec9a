"""Where things are kept, what removal leaves alone, which packages are asked for."""

from pathlib import Path

import pytest

from e2e.cluster import debian, files
from e2e.cluster.files import lock, mounted_below, remove_folder
from e2e.cluster.interface import ClusterError
from e2e.cluster.paths import VARIABLE, paths
from e2e.cluster.toolchain import version_of


def test_xdg_folders() -> None:
    where = paths({"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s", "HOME": "/h"})
    assert (where.cache, where.state) == (Path("/c/modelberth"), Path("/s/modelberth/cluster"))


def test_relative_xdg_folders_are_ignored() -> None:
    where = paths({"XDG_CACHE_HOME": "c", "HOME": "/h"})
    assert where.cache == Path("/h/.cache/modelberth")
    assert where.kubeconfig == Path("/h/.local/state/modelberth/cluster/admin.kubeconfig")


def test_lock_and_images_outlive_the_state() -> None:
    where = paths({"HOME": "/h"})
    assert where.state not in where.lock.parents
    assert where.state not in where.images.parents


def test_a_second_cluster_shares_programs_only() -> None:
    usual, second = paths({"HOME": "/h"}), paths({"HOME": "/h", VARIABLE: "second"})
    assert second.binaries == usual.binaries
    for one in ("state", "images", "lock", "loaded", "kubeconfig", "pids", "audit", "name"):
        assert getattr(second, one) != getattr(usual, one), one
    assert second.images == Path("/h/.cache/modelberth/containerd-second")


@pytest.mark.parametrize("name", ["Second", "a" * 15, "../x", "a", "-a", "a_b"])
def test_names_that_network_devices_cannot_have(name: str) -> None:
    with pytest.raises(ClusterError, match="Way out"):
        paths({"HOME": "/h", VARIABLE: name})


def test_mounts_are_found_deepest_first() -> None:
    mounts = "a /s/x t rw 0 0\nb /s/x/deep\\040er t rw 0 0\nc /sx t rw 0 0\nd / t rw 0 0\n"
    assert mounted_below(Path("/s"), mounts) == ["/s/x/deep er", "/s/x"]


def test_a_folder_is_unmounted_before_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    (folder / "volume").mkdir(parents=True)
    ran: list[list[str]] = []
    monkeypatch.setattr(files, "run", lambda argv: ran.append(argv))
    monkeypatch.setattr(files, "mounted_below", lambda folder, mounts: [str(folder / "volume")])
    remove_folder(folder)
    assert ran == [["umount", "--lazy", str(folder / "volume")]]
    assert not folder.exists()
    remove_folder(folder)


def test_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with lock(tmp_path / "state" / "x.lock"):
            pass


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26, 8)), ("go version go1.27rc1 linux/arm64", (1, 27)), ("gccgo", ())],
)
def test_go_versions(said: str, version: tuple[int, ...]) -> None:
    assert version_of(said) == version


def test_only_missing_packages_are_named() -> None:
    wanted = {"sh": "dash", "no-such-program": "b", "/no/such/file": "a"}
    assert debian.missing(wanted) == ["a", "b"]


def test_another_distribution_is_told_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda *_, **__: None)  # type: ignore[attr-defined]
    with pytest.raises(ClusterError, match="runc-like"):
        debian.require({"no-such-program": "runc-like"})
