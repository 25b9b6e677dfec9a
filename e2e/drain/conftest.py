"""The application that asks, in a pod of its own."""

import pytest

from e2e.install.client import Client, start_client
from e2e.install.stage import Stage


@pytest.fixture(scope="session")
def application(platform: Stage) -> Client:
    """A pod with the real openai package."""
    return start_client(platform, "sdk", "sdk")
