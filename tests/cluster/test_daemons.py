"""Daemons are found again by pid file, and nothing else ever is."""

import json
import time
from pathlib import Path

import pytest

from e2e.cluster.daemons import Daemon, Daemons, started
from e2e.cluster.interface import ClusterError


@pytest.fixture
def daemons(tmp_path: Path) -> Daemons:
    return Daemons(tmp_path / "pids", tmp_path / "logs")


def test_start_is_idempotent_and_stop_ends_it(daemons: Daemons) -> None:
    sleeper = Daemon("sleeper", ["/bin/sleep", "60"])
    pid = daemons.start(sleeper)
    try:
        assert daemons.start(sleeper) == pid
        assert daemons.names() == ["sleeper"]
        daemons.check("sleeper")
    finally:
        daemons.stop(["sleeper"])
    assert daemons.running("sleeper") is None
    assert daemons.names() == []


def test_a_pid_that_is_somebody_elses_now_is_not_ours(daemons: Daemons) -> None:
    pid = daemons.start(Daemon("sleeper", ["/bin/sleep", "60"]))
    file = daemons.pids / "sleeper.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "started": known["started"] - 1}))
    assert daemons.running("sleeper") is None
    daemons.stop(["sleeper"])
    assert started(pid) == known["started"]
    file.write_text(json.dumps(known))
    daemons.stop(["sleeper"])
    assert started(pid) is None


def test_nothing_survives_a_reboot(daemons: Daemons) -> None:
    daemons.start(Daemon("sleeper", ["/bin/sleep", "60"]))
    file = daemons.pids / "sleeper.json"
    known = file.read_text()
    file.write_text(json.dumps({**json.loads(known), "boot": "another"}))
    assert daemons.running("sleeper") is None
    file.write_text(known)
    daemons.stop(["sleeper"])


def test_check_shows_the_end_of_the_log(daemons: Daemons) -> None:
    pid = daemons.start(Daemon("broken", ["/bin/sh", "-c", "echo no such flag; exit 1"]))
    end = time.monotonic() + 10
    while started(pid) and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(ClusterError, match="no such flag"):
        daemons.check("broken")


def test_a_torn_pid_file_is_no_daemon(daemons: Daemons) -> None:
    daemons.pids.mkdir(parents=True)
    (daemons.pids / "x.json").write_text('{"pid": 1')
    assert daemons.running("x") is None


def test_daemons_get_only_the_environment_they_are_given(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    pid = daemons.start(Daemon("env", ["/bin/sh", "-c", "set; sleep 0.2"], {"A": "b"}))
    end = time.monotonic() + 10
    while started(pid) and time.monotonic() < end:
        time.sleep(0.01)
    said = daemons.log("env").read_text()
    assert "A='b'" in said
    assert "PROXY" not in said
