"""A load that runs in the client pod while the test does something else.

It runs by itself there: an exec that lasts for minutes may lose its connection, and with it the load.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from e2e.command import CommandError
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.results import Results, parsed

GENERATOR = Path(__file__).with_name("generator.py")

START = """
import json, os, subprocess, sys, tempfile
source, load = json.load(sys.stdin)
folder = tempfile.mkdtemp()
for name, text in (("program.py", source), ("load.json", load)):
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)
errors = open(f"{folder}/errors", "w")
nothing = subprocess.DEVNULL
command = [sys.executable, f"{folder}/program.py", folder]
made = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=errors, start_new_session=True)
print(json.dumps([folder, made.pid]))
"""
# Waits a while for the end; prints the results, what went wrong, or nothing yet.
LOOK = """
import json, os, sys, time
folder, pid, stop, wait_s = json.load(sys.stdin)
if stop:
    open(f"{folder}/stop", "w").close()
until = time.monotonic() + wait_s
def text(name):
    try:
        with open(f"{folder}/{name}") as file:
            return file.read()
    except FileNotFoundError:
        return ""
def runs():
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
while runs() and time.monotonic() < until:
    time.sleep(0.1)
ended = not runs()
print(json.dumps({"ended": ended, "results": text("results.json"), "errors": text("errors")[-2000:]}))
"""
KILL = """
import json, os, signal, sys
try:
    os.kill(json.load(sys.stdin), signal.SIGKILL)
except ProcessLookupError:
    pass
"""
LOOK_S = 20.0


@dataclass(frozen=True)
class Running:
    """A load on its way."""

    client: Client
    folder: str
    pid: int

    def assert_alive(self) -> None:
        """A load that broke off would leave a test waiting for nothing."""
        seen = self._look(stop=False, wait_s=0.0)
        assert not seen["ended"], f"the load generator ended by itself: {seen['errors']}"

    def results(self, timeout_s: float = 300) -> Results:
        """Ends the load (one with a total runs to its end), waits for what is on its way; all of its requests."""
        until = time.monotonic() + timeout_s
        while True:
            seen = self._look(stop=True, wait_s=LOOK_S)
            if seen["ended"] or time.monotonic() > until:
                break
        if not seen["results"]:
            raise CommandError(f"the load generator failed: {seen['errors'] or 'it did not end in time'}")
        return parsed(seen["results"])

    def _look(self, stop: bool, wait_s: float) -> dict[str, str]:
        given = json.dumps([self.folder, self.pid, stop, wait_s])
        found: dict[str, str] = json.loads(self.client.python(LOOK, given))
        return found


@contextmanager
def running(client: Client, load: Load, program: Path = GENERATOR) -> Iterator[Running]:
    """Starts the load, which ``program`` generates; a test that fails leaves none behind."""
    source = program.read_text(encoding="utf-8")
    folder, pid = json.loads(client.python(START, json.dumps([source, json.dumps(asdict(load))])))
    try:
        yield Running(client, folder, pid)
    finally:
        client.python(KILL, json.dumps(pid))


def sent(client: Client, load: Load, timeout_s: float = 300) -> Results:
    """The requests of a load with a total, once all have ended."""
    with running(client, load) as load_on_its_way:
        return load_on_its_way.results(timeout_s)
