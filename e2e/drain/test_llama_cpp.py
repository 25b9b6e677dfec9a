"""llama.cpp: pods go for every reason, the operator among them."""

import pytest

from e2e.conftest import Space
from e2e.drain.asked import asking
from e2e.drain.causes import NAME, every_cause
from e2e.install.client import Client
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(600)

PATIENCE_S = 240
TOKENS = 24


@pytest.fixture
def url(space: Space) -> str:
    space.platform.image("llama-cpp")
    apply(space, small(NAME, maxNumSeqs=6, rollout={"maxSurge": 1}))
    return str(space.wait_ready(NAME, timeout_s=180)["url"])


def test_no_request_is_lost_when_pods_go(space: Space, application: Client, url: str) -> None:
    with asking(application, url, TOKENS) as story:
        every_cause(space, story, PATIENCE_S)
