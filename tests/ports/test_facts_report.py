"""The termination message of the fact-finding pod: what fits into 4096 bytes, and what tenants may make of it."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.config.keys import prune
from modelberth.planner.files import Gguf, ModelFiles, Tensors
from modelberth.ports.facts_report import MAX_BYTES, FactsReport, facts_report, facts_text

COMMIT = "c" * 40
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "torch_dtype": "bfloat16",
}
TENSORS = Tensors({"BF16": 8_030_261_248}, 16_060_522_496)
GGUF = Gguf(
    metadata={"general.architecture": "llama", "general.name": "x", "llama.block_count": 32},
    layer_bytes=tuple(range(141_000_000, 141_000_032)),
    embedding_bytes=1,
    output_bytes=2,
    other_bytes=3,
    file_type="Q4_K",
)
NOISE = random.Random(7)


def words(count: int) -> list[str]:
    """Text that does not compress."""
    return [f"{NOISE.getrandbits(96):x}" for _ in range(count)]


@pytest.mark.parametrize("commit", [COMMIT, None])
def test_there_and_back(commit: str | None) -> None:
    files = ModelFiles(CONFIG, TENSORS, GGUF, ("model.safetensors: it is too large.",))
    text = facts_text(files, commit)
    assert "\n" not in text
    assert len(text) < 1200
    assert facts_report(text) == FactsReport(ModelFiles(prune(CONFIG), TENSORS, GGUF, files.missing), commit)


def test_what_no_plan_depends_on_stays_behind() -> None:
    chatter = {"bos_token_id": 128000, "transformers_version": "4.43.0", "_name_or_path": "x", "auto_map": words(900)}
    text = facts_text(ModelFiles({**CONFIG, **chatter}), COMMIT)
    assert facts_report(text) == facts_report(facts_text(ModelFiles(CONFIG), COMMIT))


QUANTIZED = {"quant_method": "awq", "bits": 4, "group_size": 128}


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (
            ModelFiles(
                CONFIG, gguf=Gguf(metadata={**GGUF.metadata, **{f"x.{n}": w for n, w in enumerate(words(400))}})
            ),
            ModelFiles(
                CONFIG,
                gguf=Gguf(metadata={key: GGUF.metadata[key] for key in ("general.architecture", "llama.block_count")}),
            ),
        ),
        (
            ModelFiles({**CONFIG, "quantization_config": {**QUANTIZED, "modules_to_not_convert": words(400)}}, TENSORS),
            ModelFiles({**CONFIG, "quantization_config": QUANTIZED}, TENSORS),
        ),
        (ModelFiles(CONFIG, TENSORS, missing=tuple(words(400))), ModelFiles(CONFIG, TENSORS)),
        (
            ModelFiles(CONFIG, gguf=Gguf(metadata={"general.architecture": "llama", "llama.heads": words(400)})),
            ModelFiles(CONFIG, gguf=Gguf(metadata={"general.architecture": "llama"})),
        ),
        (
            ModelFiles({**CONFIG, "architectures": words(400)}, TENSORS, GGUF),
            ModelFiles(
                None, TENSORS, replace(GGUF, metadata={"general.architecture": "llama", "llama.block_count": 32})
            ),
        ),
        (ModelFiles(CONFIG, Tensors({word: 1 for word in words(400)}, 1)), ModelFiles()),
    ],
)
def test_what_is_needed_least_goes_first(files: ModelFiles, left: ModelFiles) -> None:
    text = facts_text(files, COMMIT)
    assert len(text) <= MAX_BYTES
    found = facts_report(text)
    assert found is not None
    assert found.truncated
    assert found.files is not None
    assert found.files.config == (left.config and prune(left.config))
    assert (found.files.tensors, found.files.gguf, found.files.missing) == (left.tensors, left.gguf, left.missing)


def test_a_problem() -> None:
    found = facts_report('{"problem": {"reason": "ModelGated", "message": "Ask.", "transient": false}}')
    assert found is not None
    assert found.problem is not None
    assert (found.problem.reason, found.problem.message, found.problem.transient) == ("ModelGated", "Ask.", False)
    assert found.files is None


FACTS = ModelFiles(CONFIG).encode()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Killed",
        "[]",
        "{}",
        "[" * 4000,
        json.dumps({"files": FACTS}),
        json.dumps({"files": FACTS, "commit": "main"}),
        json.dumps({"files": FACTS, "commit": "C" * 40}),
        json.dumps({"files": FACTS, "commit": 3}),
        json.dumps({"files": "eNp", "commit": None}),
        json.dumps({"files": FACTS, "commit": None}) + " " * MAX_BYTES,
        json.dumps({"problem": {"reason": "Other", "message": "", "transient": False}}),
        json.dumps({"problem": {"reason": "ModelGated", "message": 3, "transient": False}}),
        json.dumps({"problem": {"reason": "ModelGated", "message": "", "transient": "no"}}),
        json.dumps({"problem": "ModelGated"}),
    ],
)
def test_what_is_no_report(message: str) -> None:
    assert facts_report(message) is None


@given(
    st.text()
    | st.recursive(
        st.text() | st.booleans(),
        lambda inner: st.dictionaries(
            st.sampled_from(["files", "commit", "problem", "reason", "message", "transient"]), inner
        ),
    ).map(json.dumps)
)
def test_whatever_a_tenant_writes(message: str) -> None:
    found = facts_report(message)
    assert found is None or found.problem is not None or found.files is not None
