"""Which control group trees a machine has."""

from pathlib import Path

import pytest

from e2e.cluster import cgroups
from e2e.cluster.cgroups import Cgroups, hierarchies

V1 = """\
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
"""
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n"
HYBRID = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"


def test_v1_has_a_tree_per_controller() -> None:
    assert hierarchies(V1) == {
        "cpu,cpuacct": Path("/sys/fs/cgroup/cpu,cpuacct"),
        "pids": Path("/sys/fs/cgroup/pids"),
        "name=systemd": Path("/sys/fs/cgroup/systemd"),
    }


def test_v2_has_one() -> None:
    assert hierarchies(V2) == {"unified": Path("/sys/fs/cgroup")}


@pytest.mark.parametrize(
    ("mounts", "procs"),
    [
        (V1, "/sys/fs/cgroup/pids/modelberth/daemons/cgroup.procs"),
        (HYBRID, "/sys/fs/cgroup/pids/modelberth/daemons/cgroup.procs"),
        (V2, "/sys/fs/cgroup/modelberth/daemons/cgroup.procs"),
    ],
)
def test_where_daemons_go(mounts: str, procs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mounts"
    file.write_text(mounts)
    monkeypatch.setattr(cgroups, "MOUNTS", file)
    assert Cgroups("modelberth").daemons == Path(procs)


def test_create_and_remove_on_v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "cgroup"
    root.mkdir()
    (root / "cgroup.controllers").write_text("cpu memory\n")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"cgroup2 {root} cgroup2 rw 0 0\n")
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)
    groups = Cgroups("modelberth")
    groups.create()
    assert (root / "cgroup.subtree_control").read_text() == "+memory"  # the last of two writes
    assert groups.daemons.parent.is_dir()
    assert groups.processes() == []
    groups.remove()
    assert not (root / "modelberth").exists()
