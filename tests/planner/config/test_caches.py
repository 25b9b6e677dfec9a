"""What each layer keeps of the tokens, from config.json alone."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.config.reading import read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.model import AttentionCache, Cache, LatentCache, StateCache

CONFIGS: dict[str, dict[str, Any]] = {
    row["name"]: row["config"] for row in json.loads((Path(__file__).parent / "published.json").read_text())
}


def grouped(heads: int, dim: int, window: int | None = None) -> AttentionCache:
    return AttentionCache(heads, dim, dim, window)


@pytest.mark.parametrize(
    ("name", "caches"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", {grouped(8, 128): 32}),
        ("mistralai/Mistral-7B-v0.1", {grouped(8, 128, 4096): 32}),
        ("mistralai/Mistral-7B-Instruct-v0.3", {grouped(8, 128): 32}),
        ("Qwen/Qwen2.5-7B-Instruct", {grouped(4, 128): 28}),  # use_sliding_window is false
        ("tiiuae/falcon-7b", {grouped(1, 64): 32}),  # multi-query attention
        ("google/gemma-2-9b-it", {grouped(8, 256, 4096): 21, grouped(8, 256): 21}),
        ("google/gemma-3-27b-it", {grouped(16, 128, 1024): 52, grouped(16, 128): 10}),
        ("google/gemma-3n-E4B-it", {grouped(2, 256, 512): 16, grouped(2, 256): 4, None: 15}),
        ("google/gemma-4-31B-it", {grouped(16, 256, 1024): 50, grouped(4, 512): 10}),
        ("google/gemma-4-E2B-it", {grouped(1, 256, 512): 12, grouped(1, 512): 3, None: 20}),
        ("openai/gpt-oss-20b", {grouped(8, 64, 128): 12, grouped(8, 64): 12}),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", {grouped(8, 128, 8192): 36, grouped(8, 128): 12}),
        ("CohereForAI/c4ai-command-r7b-12-2024", {grouped(8, 128, 4096): 24, grouped(8, 128): 8}),
        ("LGAI-EXAONE/EXAONE-4.0-32B", {grouped(8, 128, 4096): 48, grouped(8, 128): 16}),
        ("transformers:mimo_v2_flash", {AttentionCache(8, 192, 128, 129): 39, AttentionCache(4, 192, 128): 9}),
        ("deepseek-ai/DeepSeek-V3", {LatentCache(576, 64): 61}),
        ("deepseek-ai/DeepSeek-V3.2-Exp", {LatentCache(576, 64, 128): 61}),
        (
            "deepseek-ai/DeepSeek-V4-Flash",
            {
                LatentCache(512, 64, tokens=0, window=128): 2,
                LatentCache(512, 64, 128, tokens=4, index_tokens=4, window=128): 21,
                LatentCache(512, 64, tokens=128, index_tokens=128, window=128): 20,
            },
        ),
        ("zai-org/GLM-5.3-Flash", {StateCache(73728, 1048576): 34, LatentCache(512, 0, 128, index_tokens=16): 11}),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", {StateCache(24576, 524288, 2, True): 36, grouped(2, 256): 12}),
        ("Qwen/Qwen3.5-35B-A3B", {StateCache(24576, 524288, 4): 30, grouped(2, 256): 10}),
        (
            "Qwen/Qwen3.8-Flash-Next",
            {StateCache(30720, 786432, 4): 36, AttentionCache(2, 256, 256, None, index_dim=128, index_tokens=4): 12},
        ),
        (
            "nvidia/NVIDIA-Nemotron-Nano-9B-v2",
            {StateCache(36864, 1310720, 4): 27, None: 25, grouped(8, 128): 4},
        ),
        ("tiiuae/Falcon-H1-7B-Instruct", {grouped(2, 128): 44, StateCache(10752, 786432, 2, True): 44}),
        ("ai21labs/AI21-Jamba-Mini-1.5", {StateCache(24576, 131072, 2, True): 28, grouped(8, 128): 4}),
        ("mistralai/Mamba-Codestral-7B-v0.1", {StateCache(30720, 1048576, 2, True): 64}),
        ("LiquidAI/LFM2-1.2B", {StateCache(4096, 0): 10, grouped(8, 64): 6}),
        ("moonshotai/Kimi-Linear-48B-A3B-Instruct", {StateCache(36864, 524288): 20, LatentCache(576, 64): 7}),
    ],
)
def test_caches(name: str, caches: dict[Cache | None, int]) -> None:
    model = read_model(ModelFiles(CONFIGS[name]))
    assert Counter(layer.cache for layer in model.layers) == caches


def test_every_fourth_layer_of_qwen_attends() -> None:
    layers = read_model(ModelFiles(CONFIGS["Qwen/Qwen3.5-35B-A3B"])).layers
    assert [index for index, layer in enumerate(layers) if isinstance(layer.cache, AttentionCache)] == list(
        range(3, 40, 4)
    )


@pytest.mark.parametrize(
    ("changes", "windows"),
    [
        ({"sliding_window": 512}, [512, 512, 512, 512]),
        ({"sliding_window": 512, "use_sliding_window": False}, [None] * 4),
        ({"sliding_window": 512, "use_sliding_window": True, "max_window_layers": 3}, [None, None, None, 512]),
        ({"sliding_window": None}, [None] * 4),
        ({"sliding_window": 512, "sliding_window_pattern": 2}, [512, None, 512, None]),
        ({"sliding_window": 512, "layer_types": ["full_attention"] + ["sliding_attention"] * 3}, [None, 512, 512, 512]),
    ],
)
def test_windows(changes: dict[str, Any], windows: list[int | None]) -> None:
    config = {
        "model_type": "qwen2",
        "num_hidden_layers": 4,
        "use_sliding_window": True,
        "max_window_layers": 0,
        **changes,
    }
    layers = read_model(ModelFiles(config)).layers
    assert [layer.cache.window for layer in layers if isinstance(layer.cache, AttentionCache)] == windows


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"max_position_embeddings": 16384, "rope_scaling": {"type": "linear", "factor": 4.0}}, 65536),
        ({"max_position_embeddings": 131072, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 131072),
        ({"max_position_embeddings": 40960, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, 40960),
        ({"max_position_embeddings": 8192, "model_max_length": 4096}, 4096),
        ({"max_position_embeddings": None}, None),
    ],
)
def test_longest_sequence(changes: dict[str, Any], length: int | None) -> None:
    config = {"model_type": "llama", "num_hidden_layers": 2, **changes}
    assert read_model(ModelFiles(config)).max_len == length


def test_prediction_layers_are_drafters() -> None:
    """Qwen3.5-35B-A3B with its layer for multi-token prediction has the 35.95 billion parameters of the model card."""
    model = read_model(ModelFiles({**CONFIGS["Qwen/Qwen3.5-35B-A3B"]}))
    assert model.parameters + sum(matrix.elements for matrix in model.drafter) == 35_951_822_704
