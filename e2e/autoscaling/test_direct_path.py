"""With pods ready nothing of ours is on the way."""

import statistics

import pytest

from e2e.autoscaling.activators import Activators
from e2e.autoscaling.models import NAME, QUESTION, asleep, pods, wait_direct
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.load.generator import Load
from e2e.load.running import sent

PORT = 8080
EACH = 100


@pytest.mark.timeout(400)
def test_with_pods_ready_no_byte_passes_the_activator(space: Space, client: Client) -> None:
    activators = Activators(space.platform)
    url = asleep(space, client)
    before = activators.total("bytes_total")
    assert "Paris" in client.ask(url, NAME, QUESTION)
    wait_direct(space)
    woken = activators.total("bytes_total")
    assert woken > before, "the counter counts"

    pod = f"http://{pods(space)[0]['status']['podIP']}:{PORT}/v1"
    results = sent(client, Load([url, pod], NAME, total=2 * EACH, pooled=False, max_tokens=1))
    assert results.outcomes == {"answered": 2 * EACH}
    assert activators.total("bytes_total") == woken
    through, direct = (statistics.median(results.seconds(where)) for where in (url, pod))
    print(f"median: Service {through * 1000:.1f} ms, pod {direct * 1000:.1f} ms, ratio {through / direct:.2f}")
    # Interleaved, so the machine's other work slows both alike; a hop through a proxy of ours would be outside of this.
    assert 0.7 < through / direct < 1.4
