"""SGLang: the same middleware, as a plugin."""

import pytest

from e2e.conftest import Space
from e2e.drain.asked import asking
from e2e.drain.causes import every_cause
from e2e.drain.heavy import heavy, on_request
from e2e.install.client import Client


@on_request
@pytest.mark.timeout(1500)
def test_no_request_is_lost_when_pods_go(space: Space, application: Client) -> None:
    model, engine = {"uri": "hf://modelberth/SmolLM2-135M-Instruct"}, {"type": "SGLang"}
    url = heavy(space, "sglang", model, engine, dtype="bfloat16")
    with asking(application, url, max_tokens=8) as story:
        every_cause(space, story, timeout_s=300)
