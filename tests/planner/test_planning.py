"""What a plan says of itself."""

from dataclasses import replace

import pytest

from modelberth.api.engine_facts import Version
from modelberth.planner.files import ModelFiles
from modelberth.planner.planning import plan_once
from tests.planner.shapes import LLAMA_3_8B
from tests.planner.simple_planner import request

ASKED = request({"gpu": {"type": "NVIDIA-L4"}, "maxModelLen": 4096}, ModelFiles(config=LLAMA_3_8B))


def test_a_version_that_the_image_does_not_tell_is_an_assumption() -> None:
    assert not plan_once(ASKED).estimated
    plan = plan_once(replace(ASKED, version_known=False))
    assert plan.estimated
    assert plan.assumed == ("the image does not tell its version: taken as vLLM 0.32.0",)
    assert plan.kv_cache_tokens == plan_once(ASKED).kv_cache_tokens


@pytest.mark.parametrize(("version", "estimated"), [((0, 10, 2), False), ((0, 32, 4), False), ((99, 1), True)])
def test_a_version_from_the_future_is_an_assumption(version: Version, estimated: bool) -> None:
    plan = plan_once(replace(ASKED, engine_version=version))
    assert plan.estimated == estimated
    assert plan.assumed == (("vLLM 99.1 is taken as 0.32.0, the newest that is known",) if estimated else ())
