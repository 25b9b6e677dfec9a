"""List and watch: what was missed is made up for, and nothing is asked more often than needed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from modelberth.ports import watching as module
from modelberth.ports.kube import ApiError
from modelberth.ports.watching import Listed, watching

Raw = dict[str, Any]


def thing(name: str, version: int) -> Raw:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def event(kind: str, name: str, version: int) -> Raw:
    return {"type": kind, "object": thing(name, version)}


@dataclass
class Script:
    """Answers in turn: lists of pages, and of events; an ApiError among them is raised there."""

    lists: list[list[Any]]
    watches: list[list[Any]]
    asked: list[str] = field(default_factory=list)

    async def pages(self, kind: str, namespace: str | None, selector: str) -> AsyncIterator[Raw]:
        assert (kind, namespace, selector) == ("EndpointSlice", "ns", "a=b")
        self.asked.append("list")
        for page in self.lists.pop(0):
            if isinstance(page, ApiError):
                raise page
            yield page

    async def watch(self, kind: str, namespace: str | None, selector: str, version: str) -> AsyncIterator[Raw]:
        assert (kind, namespace, selector) == ("EndpointSlice", "ns", "a=b")
        self.asked.append(version)
        if not self.watches:
            await asyncio.Event().wait()
        for one in self.watches.pop(0):
            if isinstance(one, ApiError):
                raise one
            yield one


def page(version: int, *names: str) -> Raw:
    return {"metadata": {"resourceVersion": str(version)}, "items": [thing(name, version) for name in names]}


async def seen(script: Script, count: int) -> list[Any]:
    got: list[Any] = []
    async with asyncio.timeout(10):
        async for one in watching(script, "EndpointSlice", "ns", "a=b"):
            got.append(
                sorted(raw["metadata"]["name"] for raw in one.objects)
                if isinstance(one, Listed)
                else (one.object["metadata"]["name"], one.gone)
            )
            if len(got) == count:
                break
    return got


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", 0.001)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 0.002)


async def test_all_pages_then_what_changes() -> None:
    script = Script(
        [[page(7, "a", "b"), page(7, "c")]],
        [[event("ADDED", "d", 8), event("MODIFIED", "a", 9), event("DELETED", "b", 10)]],
    )
    assert await seen(script, 4) == [["a", "b", "c"], ("d", False), ("a", False), ("b", True)]
    assert script.asked == ["list", "7"]


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    script = Script([[page(7)]], [[event("ADDED", "a", 8), event("BOOKMARK", "", 12)], [], [event("ADDED", "b", 13)]])
    assert await seen(script, 3) == [[], ("a", False), ("b", False)]
    assert script.asked == ["list", "7", "12", "12"]


async def test_a_version_that_is_too_old_is_listed_again() -> None:
    script = Script([[page(7, "a")], [page(20, "b")]], [[ApiError(410, "gone")], [event("ADDED", "c", 21)]])
    assert await seen(script, 3) == [["a"], ["b"], ("c", False)]
    assert script.asked == ["list", "7", "list", "20"]


async def test_failures_are_tried_again() -> None:
    script = Script(
        [[ApiError(0, "down")], [ApiError(403, "no")], [page(7, "a")]],
        [[ApiError(0, "reset")], [event("ADDED", "b", 8), ApiError(500, "oops")], [event("ADDED", "c", 9)]],
    )
    assert await seen(script, 3) == [["a"], ("b", False), ("c", False)]
    assert script.asked == ["list", "list", "list", "7", "7", "8"]


@pytest.mark.parametrize("broken_by", [ApiError(410, "the token is too old"), ApiError(0, "reset")])
async def test_half_a_list_is_none(broken_by: ApiError) -> None:
    script = Script([[page(7, "a"), broken_by], [page(9, "a", "b")]], [])
    assert await seen(script, 1) == [["a", "b"]]
    assert script.asked == ["list", "list"]


async def test_an_event_that_is_none_is_not_the_end() -> None:
    script = Script([[page(7)], [page(9, "a")]], [[{"type": "ADDED", "object": {}}], [event("ADDED", "a", 9)]])
    assert await seen(script, 2) == [[], ("a", False)]
