"""What these tests share: a slow hub, and folders on the node."""

from collections.abc import Iterator

import pytest

from e2e.install.stage import Stage
from e2e.weights.disk import Disk
from e2e.weights.hub import NAMESPACE as HUB_NAMESPACE
from e2e.weights.hub import SlowHub


@pytest.fixture(scope="session")
def installed_hub(platform: Stage) -> Iterator[SlowHub]:
    platform.image("llama-cpp")
    hub = SlowHub(platform)
    hub.install()
    yield hub
    platform.kubectl("delete", "namespace", HUB_NAMESPACE, "--wait=false")


@pytest.fixture
def hub(installed_hub: SlowHub) -> SlowHub:
    """Up, whatever the test before did with it."""
    installed_hub.up()
    return installed_hub


@pytest.fixture(scope="session")
def disk(platform: Stage) -> Iterator[Disk]:
    made = Disk(platform)
    made.install()
    yield made
    made.remove()
