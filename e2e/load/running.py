"""A load that runs in the client pod while the test does something else."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from os import environ
from pathlib import Path

from e2e.command import CommandError
from e2e.install.client import NAMESPACE, Client
from e2e.load.generator import Load
from e2e.load.results import Results, parsed

GENERATOR = Path(__file__).with_name("generator.py")


@dataclass(frozen=True)
class Running:
    """A load on its way."""

    process: subprocess.Popen[str]

    def assert_alive(self) -> None:
        """A load that broke off would leave a test waiting for nothing."""
        assert self.process.poll() is None, "the load generator ended by itself"

    def results(self, timeout_s: float = 300) -> Results:
        """Ends the load (one with a total runs to its end), waits for what is on its way; all of its requests."""
        out, errors = self.process.communicate(timeout=timeout_s)
        if self.process.returncode != 0:
            raise CommandError(f"the load generator failed: {errors}")
        return parsed(out)


@contextmanager
def running(client: Client, load: Load) -> Iterator[Running]:
    """Starts the load; a test that fails leaves none behind."""
    kubectl = client.stage.kubectl
    source = GENERATOR.read_text(encoding="utf-8")
    process = subprocess.Popen(
        [kubectl.path, "-n", NAMESPACE, "exec", "-i", "client", "--", "python3", "-c", source],
        env={**environ, **kubectl.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(load)) + "\n")
    process.stdin.flush()
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()


def sent(client: Client, load: Load, timeout_s: float = 300) -> Results:
    """The requests of a load with a total, once all have ended."""
    with running(client, load) as load_on_its_way:
        return load_on_its_way.results(timeout_s)
