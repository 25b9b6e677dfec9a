"""The proof tool: rows that people wrote down become questions, and its answers are as good as it says.

GPU_OBSERVATIONS and GPU_MODELS name the files of start-up logs and of models' facts, where somebody has them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.planner.answers import answer, errors, verdicts
from bench.planner.fitting import fit, start
from bench.planner.models import config_of, family_of
from bench.planner.quantizations import quantization_of
from bench.planner.questions import INPUTS, question_of
from bench.planner.samples import samples_of
from bench.planner.sglang_defaults import default_fraction
from bench.planner.versions import version_of
from modelberth.planner.overheads import parse_profiles

ROOT = Path(__file__).parents[2]
FACTS: dict[str, Any] = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "intermediate_size": 14336,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "total_params": 8030261248,
}
ROW: dict[str, Any] = {
    "id": "a",
    "source": "here",
    "engine": "vllm",
    "engine_version": "0.7.3",
    "model": "Llama-3.1-8B",
    "quantization": "none",
    "tp": 1,
    "gpu": "RTX 4090",
    "gpu_gib": 23.65,
    "gpu_memory_utilization": 0.9,
    "max_model_len": 4096,
    "config_ref": "meta-llama/Llama-3.1-8B-Instruct",
    "quality": "A",
    "observed": {
        "weights_gib": 14.99,
        "activation_gib": 1.2,
        "non_torch_gib": 0.09,
        "kv_cache_gib": 5.01,
        "outcome": "ok",
    },
}
KNOWN = {FACTS["model"]: FACTS}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(["0.10.2", "V0", "gptq g", "none", "fp8", "H100", "A100 MIG 1g.5gb", "sglang", [1], {"a": 1}]),
)


@pytest.mark.parametrize(
    ("engine", "text", "model_type", "version"),
    [
        ("vllm", "0.10.2 (V1)", "llama", (0, 10, 2)),
        ("vllm", "V0, 0.7.x (Mar 2025)", "llama", (0, 7, 2)),
        ("vllm", "0.6.4-0.6.5", "llama", (0, 6, 4)),
        ("vllm", "0.28-era", "llama", (0, 28)),
        ("vllm", "0.6.1.dev238 (0.6.2)", "llama", (0, 6, 1)),
        ("vllm", "0.20.1rc1.dev16", "llama", (0, 20, 0)),
        ("vllm", "0.1.dev20051+g487ecf187", "llama", (0, 28)),
        ("vllm", "dev20073 build", "llama", (0, 28)),
        ("vllm", "V1 main 2025-01-30", "llama", (0, 7)),
        ("vllm", "main 2023-12 (before PR 2031)", "llama", (0, 2, 6)),
        ("vllm", "V0, Dec 2024", "llama", (0, 6, 5)),
        ("vllm", "V0 (Aug 2025)", "llama", (0, 10)),
        ("vllm", "V0 (Oct 2025)", "llama", (0, 10, 2)),
        ("vllm", "V0", "llama", (0, 8)),
        ("vllm", "Feb 2024", "llama", (0, 3, 1)),
        ("vllm", None, "llama", (0, 10)),
        ("vllm", None, "gemma4", (0, 22)),
        ("sglang", None, "llama", (0, 4, 6)),
        ("sglang", "0.5.19", "llama", (0, 5, 19)),
        ("sglang", "0.0.0.dev1+g5f55db35e", "gemma4", (0, 5, 15)),
    ],
)
def test_versions(engine: str, text: str | None, model_type: str, version: tuple[int, ...]) -> None:
    assert version_of({"engine": engine, "engine_version": text}, model_type) == version


@pytest.mark.parametrize(
    ("column", "name", "method", "bits"),
    [
        ("none", "AWQ in a name counts for nothing then", None, None),
        (None, "Qwen/Qwen3-8B-AWQ", "awq", 4),
        (None, "Qwen2.5-7B (quantised; 5.2032 GB)", "awq", 4),
        (None, "Llama-3-8B", None, None),
        ("gptq (4-bit, marlin)", "x", "gptq", 4),
        ("gptq-style W8A16 G256", "x", "gptq", 8),
        ("auto_round int4", "x", "gptq", 4),
        ("fp8", "Qwen/Qwen3-8B-FP8", "fp8", None),
        ("fp8 dynamic (compressed-tensors)", "x", "compressed-tensors", None),
        ("w8a8 (compressed-tensors)", "x", "compressed-tensors", None),
        ("w4a16 (compressed-tensors)", "x", "compressed-tensors", None),
        ("nvfp4 (modelopt)", "x", "modelopt", None),
        ("mxfp4", "x", "mxfp4", None),
        ("bitsandbytes nf4", "unsloth/x-bnb-4bit", "bitsandbytes", None),
    ],
)
def test_quantizations(column: str | None, name: str, method: str | None, bits: int | None) -> None:
    found = quantization_of({"quantization": column, "model": name})
    assert found.understood
    assert (found.config or {}).get("quant_method") == method
    assert (found.config or {}).get("bits") == bits


def test_quantized_by_the_engine_or_not_known() -> None:
    assert quantization_of({"quantization": "fp8 (online)", "model": "x"}).online == "fp8"
    assert quantization_of({"quantization": "bitsandbytes 4bit", "model": "x"}).online == "bitsandbytes"
    gguf = quantization_of({"quantization": "gguf Q8_0", "model": "x"}).scheme
    assert gguf is not None
    assert gguf.bits == 8.5
    assert not quantization_of({"quantization": "aqlm 2-bit", "model": "x"}).understood
    assert not quantization_of({"quantization": "a new one", "model": "x"}).understood


@pytest.mark.parametrize(
    ("name", "model_type"),
    [
        ("meta-llama/Llama-3.1-8B", "llama"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4"),
        ("Qwen/Qwen-72B-Chat", "qwen"),
        ("Qwen/QwQ-32B", "qwen2"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "qwen2"),
        ("Qwen/Qwen3-8B", "qwen3"),
        ("Qwen/Qwen3-30B-A3B", "qwen3_moe"),
        ("Qwen/Qwen3.5-35B-A3B", "qwen3_5_moe"),
        ("Qwen/Qwen3.8-27B", "qwen3_5"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", "deepseek_v2"),
        ("deepseek-ai/deepseek-coder-6.7b-instruct", "llama"),
        ("moonshotai/Kimi-K2-Instruct", "deepseek_v3"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral"),
    ],
)
def test_names_choose_the_architecture(name: str, model_type: str) -> None:
    family = family_of(name)
    assert family is not None
    assert family.model_type == model_type


def test_mixtures_and_latent_attention_in_prose() -> None:
    known = {"model": "deepseek-ai/DeepSeek-V3", "moe": "256 experts, top-8, inner 2048, 1 shared, first 3 dense"}
    made = config_of(FACTS | known | {"mla": "kv_lora_rank 512, qk_rope_head_dim 64"})
    assert made is not None
    assert (made["n_routed_experts"], made["num_experts_per_tok"], made["moe_intermediate_size"]) == (256, 8, 2048)
    assert (made["n_shared_experts"], made["first_k_dense_replace"]) == (1, 3)
    assert (made["kv_lora_rank"], made["qk_rope_head_dim"]) == (512, 64)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*FACTS, "moe", "mla", "sliding_window", "notes"]), VALUES))
def test_no_facts_crash_it(changes: dict[str, Any]) -> None:
    facts = FACTS | changes | {"model": FACTS["model"]}
    assert set(answer(ROW, {FACTS["model"]: facts})) == set(answer(ROW, KNOWN))


def test_facts_with_gaps_are_no_model() -> None:
    assert config_of(FACTS | {"hidden_size": None}) is None
    assert config_of(FACTS | {"model": "nobody/knows-it"}) is None


def test_only_inputs_are_read() -> None:
    """What was observed changes nothing, however it is hidden."""
    lies = {"observed": {"weights_gib": 1.0}, "quote": "0.32.0", "notes": "AWQ", "source": "RTX 3090"}
    assert answer(ROW | lies, KNOWN) == answer(ROW, KNOWN)
    assert not {"observed", "quote", "notes", "source"} & set(INPUTS)


def test_what_a_row_lacks_is_null() -> None:
    whole = answer(ROW, KNOWN)
    assert whole["starts"] is True
    no_gpu = answer(ROW | {"gpu": None, "gpu_gib": None}, KNOWN)
    assert no_gpu["weights_gib"] == whole["weights_gib"]
    assert (no_gpu["kv_cache_gib"], no_gpu["starts"]) == (None, None)
    assert answer(ROW | {"config_ref": None}, KNOWN)["weights_gib"] is None
    assert answer({}, KNOWN)["weights_gib"] is None
    small = answer(ROW | {"tp": None, "gpu": "RTX 3050 6GB", "gpu_gib": None}, KNOWN)
    assert (small["weights_gib"], small["starts"]) == (None, None)


def test_sglang_rows_name_their_share() -> None:
    assert default_fraction((0, 4, 6), 22.0, 4) == 0.85
    assert default_fraction((0, 5, 4), 79.19, 1) == 0.834
    row = ROW | {"engine": "sglang", "engine_version": None, "gpu_memory_utilization": None}
    more = question_of(row | {"mem_fraction_static": 0.95}, KNOWN)
    assert more.request.memory_fraction == 0.95
    assert question_of(row, KNOWN).request.memory_fraction == 0.88


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(INPUTS), VALUES))
def test_no_row_crashes_it(changes: dict[str, Any]) -> None:
    given_ = answer(ROW | changes, KNOWN)
    assert json.loads(json.dumps(given_)) == given_
    assert set(given_) == {"id", "weights_gib", "kv_cache_gib", "kv_tokens", "max_concurrency", "starts", "reason"}


def test_the_script(tmp_path: Path) -> None:
    observations, models, out = tmp_path / "o.jsonl", tmp_path / "m.jsonl", tmp_path / "p.jsonl"
    observations.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | {"id": "b", "observed": None}) + "\n")
    models.write_text(json.dumps(FACTS) + "\n")
    files = {"--observations": observations, "--models": models, "--out": out}
    words = [str(word) for pair in files.items() for word in pair]
    command = [sys.executable, "bench/planner_accuracy.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    predictions = [json.loads(line) for line in out.read_text().splitlines()]
    assert [prediction["id"] for prediction in predictions] == ["a", "b"]
    assert predictions[0]["kv_cache_gib"] == pytest.approx(5.01, rel=0.02)
    assert "kv_cache_gib     n   1" in done.stdout


def test_medians_move_parameters() -> None:
    """Three logs that show twice the sampler's peak outvote the start."""
    rows = [ROW | {"observed": ROW["observed"] | {"activation_gib": 2.4}, "source": str(n)} for n in range(3)]
    record = fit(samples_of(rows, KNOWN), start())
    sampler = next(entry for entry in record["parameters"] if entry["name"] == "sampler")
    assert sampler["value"] == pytest.approx(19.6, abs=0.1)
    assert (sampler["logs"], sampler["sources"]) == (3, ["0", "1", "2"])
    better = parse_profiles(record)
    assert answer(ROW, KNOWN, better)["kv_cache_gib"] < answer(ROW, KNOWN)["kv_cache_gib"] - 1


def _lines(variable: str) -> list[dict[str, Any]]:
    path = os.environ.get(variable)
    if path is None:
        pytest.skip(f"{variable} names no file")
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_the_targets() -> None:
    facts = {row["model"]: row for row in _lines("GPU_MODELS")}
    rows = [row for row in _lines("GPU_OBSERVATIONS") if row["quality"] == "A"]
    answers = [answer(row, facts) for row in rows]

    def median(name: str) -> float:
        shares = sorted(abs(error.share) for error in errors(rows, answers, name))
        return shares[len(shares) // 2]

    assert median("weights_gib") <= 0.01
    assert median("kv_cache_gib") <= 0.03
    judged = verdicts(rows, answers)
    assert sum(said == started for _, said, started in judged) >= 0.95 * len(judged)
    fits = [started for _, said, started in judged if said]
    assert fits.count(False) <= 0.02 * len(fits)
