"""Facts without waiting: the first question misses, later ones are answered, the hub's troubles make nobody forget."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import EngineType
from modelberth.planner.files import ModelFiles
from modelberth.webhook.facts import AT_ONCE, FRESH_S, MAX_KEPT, MAX_WAITING, RETRY_S, HubFacts
from tests.fakes.clock import VirtualLoop
from tests.fakes.hub import COMMIT, FakeHub, not_found, unreachable
from tests.fakes.resources import model_deployment, private

FILES = ModelFiles(config={"model_type": "llama"})
HUB_S = 2.0


@dataclass
class Hub(FakeHub):
    """Remembers which commits were read."""

    read: list[str] = field(default_factory=list)

    def files(self, repo: str, commit: str, file: str | None = None, engine: EngineType | None = None) -> ModelFiles:
        self.read.append(commit)
        return super().files(repo, commit, file, engine)


@pytest.fixture
async def hub() -> Hub:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.thread_s = HUB_S
    return Hub(known={"acme/model": FILES})


@pytest.fixture
async def facts(hub: Hub) -> AsyncIterator[HubFacts]:
    made = HubFacts(hub)
    yield made
    await made.close()


def md(uri: str = "hf://acme/model") -> ModelDeployment:
    return ModelDeployment.model_validate(model_deployment(uri))


async def test_the_first_question_misses_and_the_next_is_answered(facts: HubFacts, hub: Hub) -> None:
    assert facts.get(md()) is None
    assert facts.get(md()) is None, "still under way"
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md()) is FILES
    assert hub.asked == [("acme/model", None)], "asked once"
    assert hub.read == [COMMIT]


async def test_old_facts_are_used_while_they_are_learnt_anew(facts: HubFacts, hub: Hub) -> None:
    facts.get(md())
    await asyncio.sleep(FRESH_S + HUB_S + 0.1)
    hub.known["acme/model"] = ModelFiles(config={"model_type": "qwen2"})
    assert facts.get(md()) is FILES
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md()) is hub.known["acme/model"]


async def test_revisions_files_and_engines_are_told_apart(facts: HubFacts, hub: Hub) -> None:
    llama_cpp = ModelDeployment.model_validate(model_deployment(engine={"type": "LlamaCpp"}))
    for each in (md(), md("hf://acme/model@v2"), md("hf://acme/model/q4.gguf"), llama_cpp):
        assert facts.get(each) is None
    await asyncio.sleep(HUB_S + 0.1)
    assert hub.asked == [("acme/model", revision) for revision in (None, "v2", None, None)]


async def test_a_refusal_is_why_facts_are_missing_and_is_asked_about_again(facts: HubFacts, hub: Hub) -> None:
    hub.problem = not_found()
    facts.get(md())
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md()) == ModelFiles(missing=("There is no repository acme/model, or it is private.",))
    hub.problem = None
    await asyncio.sleep(RETRY_S)
    facts.get(md())
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md()) is FILES


@pytest.mark.parametrize("problem", [unreachable(), ZeroDivisionError("?")])
async def test_an_outage_makes_nobody_forget(facts: HubFacts, hub: Hub, problem: Exception) -> None:
    facts.get(md())
    await asyncio.sleep(FRESH_S + HUB_S + 0.1)
    hub.problem = problem
    assert facts.get(md()) is FILES
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md()) is FILES
    assert len(hub.asked) == 2


async def test_an_error_of_ours_is_a_missing_fact_too(facts: HubFacts, hub: Hub) -> None:
    hub.problem = ZeroDivisionError("no heads")
    facts.get(md())
    await asyncio.sleep(HUB_S + 0.1)
    found = facts.get(md())
    assert found is not None
    assert "no heads" in found.missing[0]


@pytest.mark.parametrize(
    "other", [md("pvc://claim/model"), md("oci://image"), ModelDeployment.model_validate(private())]
)
async def test_what_the_hub_does_not_tell_everybody_is_not_asked(
    facts: HubFacts, hub: Hub, other: ModelDeployment
) -> None:
    assert facts.get(other) is None
    await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(other) is None
    assert hub.asked == []


async def test_neither_questions_nor_answers_pile_up(facts: HubFacts, hub: Hub) -> None:
    for number in range(2 * MAX_WAITING):
        facts.get(md(f"hf://acme/model-{number}"))
    await asyncio.sleep(HUB_S / 2)
    assert len(hub.asked) == 0
    await asyncio.sleep(HUB_S / 2 + 0.1)
    assert len(hub.asked) == AT_ONCE
    await asyncio.sleep(MAX_WAITING * HUB_S)
    assert len(hub.asked) == MAX_WAITING
    for number in range(MAX_KEPT + 1):
        facts.get(md(f"hf://acme/later-{number}"))
        await asyncio.sleep(HUB_S + 0.1)
    assert facts.get(md("hf://acme/later-0")) is None, "the oldest is forgotten"
    assert facts.get(md(f"hf://acme/later-{MAX_KEPT}")) is not None
