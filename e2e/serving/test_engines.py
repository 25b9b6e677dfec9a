"""Real engines answer through their Services."""

import pytest

from e2e.command import wait_until
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import sent
from e2e.planning.plans import assert_as_planned, wait_measured

QUESTION = "What is the capital of France?"

# Each engine of its own at a time: two of them want more than two cores.
EXAMPLES = (
    ("smollm2-gguf", "llama-cpp"),
    ("smollm2-awq", "vllm"),
    ("smollm2-gptq", "vllm"),
    ("smollm2-bf16-sglang", "sglang"),
)
SLOW = "smollm2-awq"
"""Ready only after a minute or more; it comes back from zero too: the activator holds requests for so long."""
BLOCKS = {"llama-cpp": 0, "vllm": 128, "sglang": 1}
"""Tokens of one block of the KV cache on the CPU; llama.cpp has none, and its size is what it was told."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("example", "image"), EXAMPLES)
def test_an_example_answers_through_its_service(space: Space, client: Client, example: str, image: str) -> None:
    space.platform.image(image)
    space.apply_example(example)
    status = space.wait_ready(example, timeout_s=420)
    assert status["url"] == f"http://{example}.{space.name}.svc/v1"
    assert "Paris" in client.ask(status["url"], example, QUESTION)
    assert status["weights"]["commit"], "the revision was resolved to a commit"
    assert_as_planned(wait_measured(space, example), BLOCKS[image])
    row = space.kubectl("get", "mdep", example).splitlines()
    assert row[0].split() == ["NAME", "READY", "REASON", "REPLICAS", "ENGINE", "MODEL", "URL", "AGE"]
    assert row[1].split()[:3] == [example, "True", "Serving"]
    if example == SLOW:
        assert_comes_back(space, client, example, status["url"])
    space.kubectl("delete", "mdep", example, "--wait")
    space.kubectl("wait", "--for=delete", "pod", "--all", "--timeout=120s")


def assert_comes_back(space: Space, client: Client, name: str, url: str) -> None:
    """Idle, it goes to zero; what then arrives is held until it is back, and answered whole."""
    idle = '{"spec": {"autoscaling": {"minReplicas": 0, "idleBeforeZero": "3s"}}}'
    space.kubectl("patch", "mdep", name, "--type=merge", "-p", idle)
    space.wait_reason(name, "ScaledToZero", 90)
    wait_until("no pod is left", lambda: not space.json("get", "pods")["items"], 120)
    results = sent(client, Load([url], name, concurrency=8, total=8, timeout_s=400), timeout_s=420)
    print(f"{name} woke up: {results.told()}")
    assert results.outcomes == {"answered": 8}
