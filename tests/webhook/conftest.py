"""Time passes at once here, except where real sockets are waited for."""

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.clock import VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"real": asyncio.new_event_loop} if item.path.name == "test_server.py" else {"virtual": VirtualLoop}
