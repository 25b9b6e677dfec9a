"""vLLM: its middleware ends connections while the pod drains."""

import pytest

from e2e.conftest import Space
from e2e.drain.asked import asking
from e2e.drain.causes import every_cause
from e2e.drain.heavy import heavy, on_request
from e2e.install.client import Client


@on_request
@pytest.mark.timeout(1500)
def test_no_request_is_lost_when_pods_go(space: Space, application: Client) -> None:
    url = heavy(space, "vllm", {"uri": "hf://modelberth/SmolLM2-135M-Instruct-AWQ"}, {"type": "vLLM"}, dtype="half")
    with asking(application, url, max_tokens=8) as story:
        every_cause(space, story, timeout_s=300)
