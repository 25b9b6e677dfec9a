"""The command as a process: what it imports, and how it ends."""

import signal
import subprocess
import sys

from .fake_engine import free_port

HEAVY = {"asyncio", "email", "http", "json", "logging", "ssl", "urllib"}
"""Parts of the standard library that would be most of its memory."""


def test_it_imports_nothing_but_a_little_of_the_standard_library() -> None:
    code = "import sys, modelberth.cli.main, modelberth.cli.relay; print(*sys.modules)"
    # -S: the editable install of a development environment imports more at start.
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    found = {name.partition(".")[0] for name in names}
    assert found - sys.stdlib_module_names == {"__main__", "modelberth"}
    assert found & HEAVY == set()
    ours = {".".join(name.split(".")[:2]) for name in names if name.startswith("modelberth.")}
    assert ours == {"modelberth.cli", "modelberth.hooks", "modelberth.relay"}


def test_sigterm_ends_it_at_once_though_somebody_drains() -> None:
    port = free_port()
    options = ["--port", str(port), "--engine-port", str(free_port()), "--drain-pause", "600", "--drain-limit", "600"]
    command = [sys.executable, "-m", "modelberth.cli.main", "relay", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as relay:
        drain = f"""
import socket, time
while True:
    try:
        connection = socket.create_connection(("127.0.0.1", {port}))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
connection.sendall(b"GET /drain HTTP/1.1\\r\\n\\r\\n")
connection.recv(1)
"""
        with subprocess.Popen([sys.executable, "-c", drain]) as client:
            assert relay.stderr is not None
            assert relay.stderr.readline().startswith("draining")
            relay.send_signal(signal.SIGTERM)
            assert relay.wait(60) == 0
            assert client.wait(60) == 0
