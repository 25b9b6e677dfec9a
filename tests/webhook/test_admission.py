"""A request from its bytes to its answer: in bounded time, from facts at hand, and allowed whenever something fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.planner.plan import Plan
from modelberth.planner.request import PlanRequest
from modelberth.webhook.admission import AT_ONCE, DEADLINE_S, FAILED, LATE, Admission
from modelberth.webhook.judgement import FACTS_MISSING
from modelberth.webhook.metrics import WebhookMetrics
from modelberth.webhook.review import Raw
from tests.fakes.clock import VirtualLoop
from tests.webhook.requests import TOO_LARGE, body_of, plan_of, stored

FILES = ModelFiles(config={"model_type": "llama"})


@dataclass
class Facts:
    """Knows the same of every model, or nothing; remembers who was asked about."""

    files: ModelFiles | None = FILES
    asked: list[str] = field(default_factory=list)

    def get(self, md: ModelDeployment) -> ModelFiles | None:
        self.asked.append(md.spec.model.uri)
        return self.files


@dataclass
class Planner:
    """Says ``plan``, or raises it."""

    plan: Plan | Exception = field(default_factory=lambda: plan_of(True))
    asked: list[PlanRequest] = field(default_factory=list)

    def __call__(self, request: PlanRequest) -> Plan:
        self.asked.append(request)
        if isinstance(self.plan, Exception):
            raise self.plan
        return self.plan


@dataclass
class World:
    """An Admission with its surroundings."""

    facts: Facts = field(default_factory=Facts)
    planner: Planner = field(default_factory=Planner)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self.admission = Admission(Settings(), self.facts, self.planner, WebhookMetrics(self.registry))

    async def ask(self, resource: Any, old: Any = None) -> Raw:
        response: Raw = (await self.admission.review(sends(body_of(resource, old))))["response"]
        return response

    def count(self, result: str) -> float | None:
        return self.registry.get_sample_value("modelberth_webhook_requests_total", {"result": result})


def sends(body: bytes, after_s: float = 0) -> Callable[[], Awaitable[bytes]]:
    async def receive() -> bytes:
        await asyncio.sleep(after_s)
        return body

    return receive


@pytest.fixture
async def world() -> World:
    return World()


def loop() -> VirtualLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


async def test_what_fits_is_allowed(world: World) -> None:
    assert await world.ask(stored(maxModelLen=4096)) == {"uid": (await world.ask(stored()))["uid"], "allowed": True}
    assert [request.spec.max_model_len for request in world.planner.asked] == [4096, None]
    assert world.planner.asked[0].files is FILES
    assert world.count("allowed") == 2
    assert world.registry.get_sample_value("modelberth_webhook_seconds_count") == 2


async def test_what_does_not_fit_is_refused_and_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.planner.plan = plan_of(False, TOO_LARGE, advice=("maxModelLen: 32768",))
    with caplog.at_level(logging.INFO):
        made = await world.ask(stored())
    assert made["allowed"] is False
    assert made["status"]["message"].endswith("fits with: maxModelLen: 32768")
    assert world.count("refused") == 1
    assert [(record.__dict__["key"], str(TOO_LARGE) in record.message) for record in caplog.records] == [
        (("team-a", "llama"), True)
    ]


async def test_what_is_invalid_is_refused_without_facts_or_a_plan(world: World) -> None:
    made = await world.ask(stored(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}))
    assert "spec.resources.requests.memory" in made["status"]["message"]
    assert (world.facts.asked, world.planner.asked) == ([], [])


async def test_a_change_to_what_does_not_fit_is_refused_and_one_beside_it_is_not(world: World) -> None:
    world.planner.plan = plan_of(False, TOO_LARGE)
    assert (await world.ask(stored(maxModelLen=9), stored()))["allowed"] is False
    assert (await world.ask(stored(replicas=9), stored()))["allowed"] is True
    assert len(world.planner.asked) == 1


async def test_unknown_facts_allow_and_are_asked_for(world: World) -> None:
    world.facts.files = None
    made = await world.ask(stored())
    assert (made["allowed"], made["warnings"]) == (True, list(FACTS_MISSING.warnings))
    assert world.facts.asked == ["hf://acme/model"]
    assert world.planner.asked == []
    assert world.count("unjudged") == 1


async def test_without_a_gpu_nobody_is_asked(world: World) -> None:
    made = await world.ask(stored(gpu={}))
    assert (made["allowed"], "warnings" in made) == (True, False)
    assert (world.facts.asked, world.planner.asked) == ([], [])
    assert world.count("unjudged") == 1


async def test_a_plan_that_takes_too_long_allows(world: World) -> None:
    loop().thread_s = 60
    before = loop().time()
    made = await world.ask(stored())
    assert (made["allowed"], made["warnings"]) == (True, list(LATE.warnings))
    assert loop().time() - before == pytest.approx(DEADLINE_S)
    assert world.count("unjudged") == 1


async def test_a_planner_that_fails_allows_and_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.planner.plan = ZeroDivisionError("no heads")
    made = await world.ask(stored())
    assert (made["allowed"], made["warnings"]) == (True, list(FAILED.warnings))
    assert world.count("error") == 1
    assert "ZeroDivisionError" in caplog.text


async def test_a_request_that_trickles_in_is_given_up(world: World) -> None:
    with pytest.raises(TimeoutError):
        await world.admission.review(sends(body_of(stored()), after_s=10))
    assert world.count("error") == 1
    assert (await world.ask(stored()))["allowed"] is True, "its place is free again"


async def test_the_deadline_counts_from_the_start_of_the_request(world: World) -> None:
    loop().thread_s = DEADLINE_S * 0.6
    made = await world.admission.review(sends(body_of(stored()), after_s=DEADLINE_S * 0.6))
    assert made["response"]["warnings"] == list(LATE.warnings)


async def test_only_so_many_are_held_at_once(world: World) -> None:
    held = most = 0

    async def receive() -> bytes:
        nonlocal held, most
        held += 1
        most = max(most, held)
        await asyncio.sleep(0.1)
        held -= 1
        return body_of(stored())

    answers = await asyncio.gather(*(world.admission.review(receive) for _ in range(3 * AT_ONCE)))
    assert most == AT_ONCE
    assert all(made["response"]["allowed"] for made in answers)


async def test_what_is_no_request_is_an_error(world: World) -> None:
    with pytest.raises(ValueError, match="no AdmissionReview"):
        await world.admission.review(sends(b"{}"))
    assert world.count("error") == 1
