"""What a plan says of itself."""

from dataclasses import replace

import pytest

from modelberth.api.engine_facts import Version
from modelberth.planner.files import Gguf, ModelFiles
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


def test_a_gguf_file_without_tensors_is_not_judged() -> None:
    header = {"general.architecture": "llama", "llama.block_count": 32, "llama.embedding_length": 4096}
    asked = request({"engine": {"type": "LlamaCpp"}, "gpu": {"type": "NVIDIA-L4"}}, ModelFiles(gguf=Gguf(header)))
    plan = plan_once(asked)
    assert plan.fits is None
    assert "no tensors" in plan.findings[0].message


def test_the_vocabulary_is_missed_by_its_usual_name() -> None:
    config = {key: value for key, value in LLAMA_3_8B.items() if key != "vocab_size"} | {"model_type": "unheard-of"}
    plan = plan_once(replace(ASKED, files=ModelFiles(config=config)))
    assert plan.findings[0].message == "config.json: vocab_size is missing"
    assert plan_once(replace(ASKED, files=ModelFiles(config=config | {"padded_vocab_size": 128256}))).fits
