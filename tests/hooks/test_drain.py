"""The preStop hook: which connections it counts, and when it lets the engine end."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.hooks import drain, modelberth_drain

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   {number}: {local}:{port:04X} 0100007F:D2F0 {state:02X} 00000000:00000000 02:000A 00000000 10001 0 4242 2 0\n"
IPV4, IPV6 = "0100007F", "0000000000000000FFFF00000100007F"
ESTABLISHED, SYN_RECV, FIN_WAIT1, TIME_WAIT, CLOSE_WAIT, LISTEN = 1, 3, 4, 6, 8, 10


def row(port: int, state: int, local: str = IPV4) -> str:
    return ROW.format(number=0, local=local, port=port, state=state)


@pytest.mark.parametrize(
    ("state", "found"),
    [(ESTABLISHED, 1), (SYN_RECV, 1), (FIN_WAIT1, 1), (TIME_WAIT, 0), (CLOSE_WAIT, 0), (LISTEN, 0)],
)
def test_a_client_counts_until_it_has_its_whole_answer(state: int, found: int) -> None:
    assert drain.count([HEAD, row(8000, state)], 8000) == found
    assert drain.count([HEAD, row(8000, state, IPV6)], 8000) == found


@given(st.lists(st.tuples(st.integers(1, 65535), st.sampled_from((ESTABLISHED, TIME_WAIT)))), st.integers(1, 65535))
def test_only_the_engines_own_port_counts(rows: list[tuple[int, int]], port: int) -> None:
    table = [HEAD, *(row(*one) for one in rows), *[row(port, ESTABLISHED)] * 2]
    assert drain.count(table, port) == 2 + rows.count((port, ESTABLISHED))


@given(st.lists(st.text(max_size=40), max_size=9))
def test_any_other_text_is_no_connection(rows: list[str]) -> None:
    assert drain.count([text for text in rows if ":1F40" not in text], 8000) == 0


def test_real_connections_of_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert drain.connections(port) == 0
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            assert drain.connections(port) == 1


def test_a_kernel_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(drain, "TABLES", (str(tmp_path / "tcp"), str(tmp_path / "tcp6")))
    assert drain.connections(8000) is None
    (tmp_path / "tcp").write_text(HEAD + row(8000, ESTABLISHED))
    assert drain.connections(8000) == 1


@given(st.lists(st.sampled_from((None, 0, 1, 7)), max_size=60), st.sampled_from((0.0, 1.0, 10.0)))
def test_it_ends_at_two_quiet_looks_or_at_the_limit(seen: list[int | None], limit: float) -> None:
    looked: list[int | None] = []
    slept: list[float] = []

    def look() -> int | None:
        looked.append(seen[len(looked)] if len(looked) < len(seen) else 0)
        return looked[-1]

    done = drain.wait(look, limit, slept.append)
    assert done == (len(looked) >= drain.QUIET_LOOKS and not any(looked[-drain.QUIET_LOOKS :]))
    assert sum(slept) <= limit
    assert done or sum(slept) + drain.LOOK_EVERY_S > limit


def test_the_flag_is_the_one_that_the_middleware_looks_for() -> None:
    # Each file stands by itself, so each has the path.
    assert drain.FLAG == modelberth_drain.FLAG


def test_the_command_touches_the_flag_and_returns_when_the_last_client_has_gone(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    source = Path(drain.__file__).read_text().replace(drain.FLAG, str(flag))
    (tmp_path / "drain.py").write_text(source)
    flag.touch()
    os.utime(flag, (1, 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        client = socket.create_connection(listener.getsockname())
        accepted = listener.accept()[0]
        command = [sys.executable, str(tmp_path / "drain.py"), "--port", port, "--pause", "0", "--limit", "600"]
        with subprocess.Popen(command) as hook:
            while flag.stat().st_mtime == 1:
                time.sleep(0.01)
            assert hook.poll() is None
            client.close()
            accepted.close()
            assert hook.wait(60) == 0
