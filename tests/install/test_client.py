"""A question waits for a Service that refuses, for a while, and for nothing else."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from e2e.command import CommandError
from e2e.install import client as module
from e2e.install.client import REFUSED_S, Client
from e2e.install.stage import Stage

REFUSED = "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"
BODY = json.dumps({"choices": [{"message": {"content": " Paris. "}}]})


class Kubectl:
    """Fails as it is told to, then answers."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.asked = 0

    def __call__(self, *_: str, stdin: str) -> str:
        self.asked += 1
        if self.failures:
            raise CommandError(self.failures.pop(0))
        return json.dumps({"status": 200, "body": BODY})


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kubectl], str]:
    monkeypatch.setattr(module, "time", Clock())

    def asked(kubectl: Kubectl) -> str:
        stage = Stage(cast(Any, None), cast(Any, kubectl), cast(Any, None))
        return Client(stage).ask("http://model.space.svc/v1", "model", "?")

    return asked


def test_a_service_that_refuses_is_asked_again(ask: Callable[[Kubectl], str]) -> None:
    kubectl = Kubectl(REFUSED, REFUSED)
    assert ask(kubectl) == "Paris."
    assert kubectl.asked == 3


def test_it_is_not_asked_for_ever(ask: Callable[[Kubectl], str]) -> None:
    kubectl = Kubectl(*[REFUSED] * 1000)
    with pytest.raises(CommandError, match="refused"):
        ask(kubectl)
    assert kubectl.asked <= 2 * REFUSED_S + 2


def test_no_other_failure_is_hidden(ask: Callable[[Kubectl], str]) -> None:
    kubectl = Kubectl("http.client.RemoteDisconnected: Remote end closed connection without response")
    with pytest.raises(CommandError, match="RemoteDisconnected"):
        ask(kubectl)
    assert kubectl.asked == 1
