"""Disturbs, waits until everything is as it should be, sees that then nothing is written, and again."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from e2e.audit import Audit, counted
from e2e.command import CommandError, wait_until
from e2e.install.client import Client
from e2e.soak import control_plane, people
from e2e.soak.fleet import fleet
from e2e.soak.ground import Ground
from e2e.soak.invariants import violations
from e2e.soak.logs import Logs
from e2e.soak.report import Counts, Report, Row
from e2e.soak.schedule import DISTURBANCES, schedule
from e2e.soak.shapes import Shapes
from e2e.soak.traffic import Window, trickle

FIRST_S = 300
"""Until all is well for the first time: weights are fetched, engines start."""
CONVERGED_S = 90
"""Until all is well again once a disturbance has ended. Kubernetes itself takes 55 s where the API server was away for
15 s: its controllers find their watches again after up to 30 s, and take nodes for lost meanwhile."""
QUIET_S = 7
"""The operator keeps a change of mere numbers back for 5 s: what comes after this long is no afterthought."""


@dataclass(frozen=True)
class Options:
    resources: int = 30
    minutes: float = 15
    """New disturbances come for this long."""
    rest_s: float = 30
    """After each one nothing may be written for this long."""
    only: list[str] = field(default_factory=lambda: list(DISTURBANCES))


class SoakError(AssertionError):
    """Something did not come back; the message has the table so far."""


@dataclass
class Soak:
    """One run. ``say`` gets a line at a time."""

    ground: Ground
    audit: Audit
    logs: Logs
    say: Callable[[str], None]
    shapes: Shapes = field(default_factory=Shapes)
    report: Report = field(default_factory=Report)

    def run(self, client: Client, options: Options) -> Report:
        """Raises SoakError."""
        try:
            self._run(client, options)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise SoakError(f"{error}\n\n{self.report}") from error
        return self.report

    def _run(self, client: Client, options: Options) -> None:
        self.ground.apply(fleet(options.resources))
        seconds = self._converge(FIRST_S)
        self.say(f"{options.resources} resources are as they should be after {seconds:.0f} s")
        self._rest(options.rest_s)
        end = time.monotonic() + options.minutes * 60
        with trickle(client) as requests:
            for name in schedule(self.ground.random, options.only):
                if time.monotonic() > end:
                    break
                self._disturb(name, options.rest_s)
        self.report.requests, self.report.failed = requests.requests, len(requests.failures)
        self.report.blamed = requests.blamed(self.report.windows())
        assert not self.report.blamed, "requests were not answered though nobody had touched their model"

    def _disturb(self, name: str, rest_s: float) -> None:
        self.audit.entries()
        self.say(f"{name} ...")
        term = self.ground.term()
        began, started = time.time(), time.monotonic()
        text, hit = DISTURBANCES[name](self.ground)
        lasted_s = time.monotonic() - started
        self.say(f"  {text}")
        wait_until("the API server takes a change", self._probed, CONVERGED_S)
        converged_s = self._converge(CONVERGED_S)
        window = Window(began, time.time(), hit)
        self.say(f"  all is well {converged_s:.1f} s later")
        entries = self._quiet()
        lists = sum(1 for entry in entries if entry["verb"] == "list")
        counts = Counts(sum(counted(entries).values()), lists, self.ground.term() != term)
        self.report.rows.append(Row(name, text, lasted_s, converged_s, counts, window))
        self._rest(rest_s)
        control_plane.whole(self.ground)

    def _probed(self) -> bool:
        try:
            people.probe(self.ground)
        except (CommandError, subprocess.TimeoutExpired):
            return False
        return True

    def _wrong(self) -> list[str]:
        """What is not as it should be now."""
        try:
            seen = self.ground.seen()
        except (CommandError, subprocess.TimeoutExpired) as error:
            return [f"the API server does not answer: {str(error).splitlines()[-1]}"]
        return violations(seen, self.ground.wanted, self.shapes)

    def _converge(self, limit_s: float) -> float:
        """Seconds until nothing is wrong."""
        started = time.monotonic()
        while wrong := self._wrong():
            if time.monotonic() - started > limit_s:
                lines = "\n  ".join(wrong[:30])
                raise AssertionError(f"after {limit_s:.0f} s there still are {len(wrong)} things wrong:\n  {lines}")
            time.sleep(0.5)
        return time.monotonic() - started

    def _quiet(self) -> list[dict[str, Any]]:
        """Requests of the operator until it has written nothing for QUIET_S."""
        entries = self.audit.entries()
        started = since = time.monotonic()
        while (now := time.monotonic()) - since < QUIET_S:
            assert now - started < CONVERGED_S, f"the operator does not stop writing: {dict(counted(entries))}"
            time.sleep(0.5)
            new = self.audit.entries()
            entries += new
            if counted(new):
                since = time.monotonic()
        return entries

    def _rest(self, rest_s: float) -> None:
        """Nothing is written, all stays well, and nobody has failed in a way that nobody foresaw."""
        self._quiet()
        time.sleep(rest_s)
        writes = self.audit.writes()
        assert not writes, f"at rest the operator wrote {dict(writes)}"
        wrong = self._wrong()
        assert not wrong, "it did not stay well:\n  " + "\n  ".join(wrong[:30])
        found = self.logs.tracebacks()
        assert not found, "the operator's log has tracebacks:\n" + "\n".join(found[:5])
