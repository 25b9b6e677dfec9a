"""Time passes at once here."""

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.clock import VirtualLoop
from tests.fakes.cluster import Cluster


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture
async def cluster() -> Cluster:
    return Cluster()
