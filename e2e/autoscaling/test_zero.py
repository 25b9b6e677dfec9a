"""An idle model has no pods, and its next requests are answered all the same."""

import json
import time
from contextlib import ExitStack

import pytest

from e2e.autoscaling.activators import Activators
from e2e.autoscaling.history import DESIRED, READY_REASON, History, history, returns_from_zero
from e2e.autoscaling.models import NAME, QUESTION, keep_awake, replicas, scaled, served, wait_asleep, wait_direct
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import running, sent
from e2e.resources import apply

BURST = 50
CYCLES = 20
SEVERAL = (NAME, "second", "third", "fourth")


@pytest.mark.timeout(400)
def test_a_burst_at_zero_is_answered(space: Space, client: Client) -> None:
    url = served(space, client, {"minReplicas": 0})
    with history(space, f"mdep/{NAME}", DESIRED) as desired:
        wait_asleep(space)
    assert desired.values == ["1", "0"], "decided once"
    keep_awake(space)
    row = space.kubectl("get", "mdep", NAME).splitlines()[1].split()
    assert row[:3] == [NAME, "True", "ScaledToZero"]
    with history(space, f"mdep/{NAME}", READY_REASON) as reasons:
        results = sent(client, Load([url], NAME, concurrency=BURST, total=BURST))
        wait_direct(space)
    print(results.told(), reasons.values)
    assert results.outcomes == {"answered": BURST}
    assert "Waking" in reasons.values


@pytest.mark.timeout(900)
def test_twenty_cycles_under_a_trickle_lose_nothing(space: Space, client: Client) -> None:
    # Several models at the same time: a fraction of the wait.
    for name in SEVERAL:
        apply(space, scaled({"minReplicas": 0}, name))
    urls = [served(space, client, {"minReplicas": 0}, name) for name in SEVERAL]
    # From idle over the slice to zero it takes 8 to 11 s: the next request comes shortly before, at, or after the end.
    trickle = Load(urls, NAME, concurrency=2 * len(SEVERAL), gaps_s=(9.0, 14.0), max_tokens=2)
    with ExitStack() as stack:
        asked = [stack.enter_context(history(space, f"deployment/{name}", "{.spec.replicas}")) for name in SEVERAL]
        steady = stack.enter_context(running(client, trickle))
        began, end = time.monotonic(), time.monotonic() + 700
        while cycles(*asked) < CYCLES and time.monotonic() < end:
            steady.assert_alive()
            time.sleep(5)
        results = steady.results()
    print(f"{cycles(*asked)} cycles in {time.monotonic() - began:.0f} s: {results.told()}")
    assert results.failures == []
    assert cycles(*asked) >= CYCLES


def cycles(*models: History) -> int:
    """Ways from zero to more, over all models."""
    return sum(returns_from_zero(model.values) for model in models)


@pytest.mark.timeout(400)
def test_looking_wakes_nobody_and_keys_are_the_engine_s(space: Space, client: Client) -> None:
    space.kubectl("create", "secret", "generic", "keys", "--from-literal=api-key=open-sesame")
    space.platform.image("llama-cpp")
    apply(space, scaled({"minReplicas": 0}, apiKeySecretRef={"name": "keys"}))
    url = space.wait_ready(NAME, timeout_s=180)["url"]
    wait_asleep(space)
    key, wrong = ({"Authorization": f"Bearer {word}"} for word in ("open-sesame", "open-barley"))
    root = url.removesuffix("/v1")

    woken = Activators(space.platform).total("woken_total")
    code, text = client.request(f"{url}/models", headers=key)
    assert (code, [model["id"] for model in json.loads(text)["data"]]) == (200, [NAME])
    assert client.request(f"{url}/models")[0] == 401
    assert client.request(f"{root}/health")[0] == 200
    assert client.request(f"{root}/slots")[0] == 503
    time.sleep(5)  # two looks of the operator
    assert replicas(space) == 0
    assert Activators(space.platform).total("woken_total") == woken

    question = {"model": NAME, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    code, text = client.request(f"{url}/chat/completions", question, wrong)
    assert (code, json.loads(text)["error"]["type"]) == (401, "authentication_error"), "llama-server's own words"
    assert "Paris" in client.ask(url, NAME, QUESTION, key)
    assert replicas(space) == 1
