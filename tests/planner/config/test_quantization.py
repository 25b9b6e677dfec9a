"""quantization_config, as real checkpoints have it."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.config.keys import prune
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.model import Model, Scheme

CONFIGS: dict[str, dict[str, Any]] = {
    row["name"]: row["config"] for row in json.loads((Path(__file__).parent / "published.json").read_text())
}
LLAMA, DEEPSEEK = "meta-llama/Meta-Llama-3-8B", "deepseek-ai/DeepSeek-V3"
QWEN_VL, QWEN_MOE = "Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3.5-35B-A3B"
W4A16 = {"num_bits": 4, "group_size": 32, "strategy": "group", "symmetric": True, "type": "int"}


def quantized(section: dict[str, Any], name: str = LLAMA) -> Model:
    config = {**CONFIGS[name], "quantization_config": section}
    model = read_model(ModelFiles(config))
    pruned = prune(config)
    assert read_model(ModelFiles(pruned)) == model
    assert len(ModelFiles(pruned).encode()) < 3584
    return model


def packed(weights: dict[str, Any], **more: Any) -> dict[str, Any]:
    group = {"targets": ["Linear"], "weights": weights}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"], **more}


def touched(model: Model, layer: int) -> set[str]:
    return {matrix.name for matrix in model.layers[layer].matrices if matrix.linear}


@pytest.mark.parametrize(
    ("section", "scheme"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, Scheme("awq", 4, 128, zeros=True)),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64}, Scheme("awq", 4, 64, zeros=True)),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1, "desc_act": True}, Scheme("gptq", 8, None, zeros=True)),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, Scheme("auto-round", 4, 128, zeros=True)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Scheme("bitsandbytes", 4, 64, 8)),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, Scheme("bitsandbytes", 8, None, 32)),
        ({"quant_method": "fp8", "activation_scheme": "static"}, Scheme("fp8", 8, None, 32)),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, Scheme("fp8", 8, 128, 32, block=True)),
        ({"quant_method": "fbgemm_fp8"}, Scheme("fp8", 8, None, 32)),
        (packed(W4A16), Scheme("compressed-tensors", 4, 32, kept=("lm_head",))),
        (
            packed({"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True}),
            Scheme("compressed-tensors", 8, None, kept=("lm_head",)),
        ),
        (
            packed({**W4A16, "symmetric": False, "group_size": 128}),
            Scheme("compressed-tensors", 4, 128, zeros=True, kept=("lm_head",)),
        ),
        (
            packed({"num_bits": 8, "type": "float", "strategy": "channel"}),
            Scheme("fp8", 8, None, 32, kept=("lm_head",)),
        ),
        (
            packed({"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 128]}),
            Scheme("fp8", 8, 128, 32, block=True, kept=("lm_head",)),
        ),
        (
            packed({"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}),
            Scheme("nvfp4", 4, 16, 8, kept=("lm_head",)),
        ),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, Scheme("nvfp4", 4, 16, 8)),
        ({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}, Scheme("fp8", 8, None, 32)),
        ({"quant_method": "mxfp4"}, Scheme("mxfp4", 4, 32, 8, only_experts=True)),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4"}}}, Scheme("mxfp4", 4, 32, 8)),
        (
            {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}},
            Scheme("hqq", 4, 64, zeros=True),
        ),
        (
            {"quant_method": "torchao", "quant_type": {"default": {"_type": "Float8WeightOnlyConfig", "_data": {}}}},
            Scheme("fp8", 8, None, 32),
        ),
        (
            {"quant_method": "aqlm", "nbits_per_codebook": 16, "num_codebooks": 1, "in_group_size": 8},
            Scheme("aqlm", 2),
        ),
    ],
)
def test_scheme(section: dict[str, Any], scheme: Scheme) -> None:
    model = quantized(section)
    assert model.scheme == scheme
    assert model.estimated == ()


@pytest.mark.parametrize("method", ["awq", "gptq"])
def test_llama_3_in_4_bits_takes_5_33_gib(method: str) -> None:
    """What vLLM logs for both: groups of 128 with a 16-bit scale and a 4-bit zero point."""
    model = quantized({"quant_method": method, "bits": 4, "group_size": 128})
    layers = [matrix for layer in model.layers for matrix in layer.matrices]
    matrices = [*layers, *model.embedding, *model.head]
    bits = sum(matrix.elements * (4 + 20 / 128 if matrix.linear else 16) for matrix in matrices)
    assert bits / 8 / 2**30 == pytest.approx(5.33, abs=0.005)


def test_experts_alone() -> None:
    """Kimi K2.5: everything but the routed experts is in the list."""
    names = ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", r"re:.*mlp\.(gate|up|gate_up|down)_proj.*"]
    model = quantized(packed(W4A16, ignore=names), DEEPSEEK)
    assert touched(model, 0) == set()
    assert touched(model, 30) == {"mlp.experts.gate_proj", "mlp.experts.up_proj", "mlp.experts.down_proj"}


def test_lists_with_an_entry_for_every_layer() -> None:
    names = [
        f"model.layers.{layer}.{name}"
        for layer in range(61)
        for name in ("self_attn.o_proj", "self_attn.kv_b_proj", "self_attn.q_b_proj", "mlp.gate", "mlp.down_proj")
        if layer != 7
    ]
    model = quantized({"quant_method": "fp8", "weight_block_size": [128, 128], "ignored_layers": names}, DEEPSEEK)
    assert "self_attn.o_proj" not in touched(model, 6)
    assert "self_attn.o_proj" in touched(model, 7)
    assert "self_attn.q_a_proj" in touched(model, 6)
    assert len({id(layer) for layer in model.layers}) == 3


@pytest.mark.parametrize(
    ("section", "kept"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["visual"]}, True),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, True),  # GPTQ has no list; vLLM leaves towers out
        (packed(W4A16, ignore=["re:visual.*"]), True),
        (packed(W4A16, ignore=[f"model.visual.blocks.{index}.attn.qkv" for index in range(32)]), True),
        (packed(W4A16), False),
    ],
)
def test_vision_tower(section: dict[str, Any], kept: bool) -> None:
    model = quantized(section, QWEN_VL)
    assert any(matrix.linear for matrix in model.extra) is not kept
    assert touched(model, 0)


def test_mixed_precision_of_modelopt() -> None:
    layers = {
        f"model.language_model.layers.{layer}.mlp.experts.{expert}.{name}": {"quant_algo": "NVFP4", "group_size": 16}
        for layer in range(40)
        for expert in range(256)
        for name in ("gate_proj", "up_proj", "down_proj")
    }
    for layer in range(40):
        layers[f"model.language_model.layers.{layer}.mlp.shared_expert.down_proj"] = {"quant_algo": "FP8"}
    section = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": layers}
    model = quantized(section, QWEN_MOE)
    assert model.scheme.method == "nvfp4"
    found = {matrix.name: matrix.scheme for matrix in model.layers[3].matrices if matrix.linear}
    assert found.pop("mlp.shared_expert.down_proj") == Scheme("fp8", 8, None, 32)
    assert found == {f"mlp.experts.{name}": None for name in ("gate_proj", "up_proj", "down_proj")}


def test_experts_of_deepseek_v4_are_fp4() -> None:
    section = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    config = {**CONFIGS["deepseek-ai/DeepSeek-V4-Flash"], "expert_dtype": "fp4", "quantization_config": section}
    matrices = read_model(ModelFiles(config)).layers[5].matrices
    schemes = {matrix.name: matrix.scheme for matrix in matrices if matrix.split == "experts"}
    assert {scheme.method for scheme in schemes.values() if scheme} == {"mxfp4"}
    assert None not in schemes.values()


def test_auto_round_tells_bits_by_module() -> None:
    more = {"model.layers.1.mlp.down_proj": {"bits": 16}, "model.layers.0.self_attn.q_proj": {"bits": 8}}
    model = quantized({"quant_method": "auto-round", "bits": 4, "group_size": 128, "extra_config": more})
    assert "mlp.down_proj" not in touched(model, 1)
    assert "mlp.down_proj" in touched(model, 0)
    schemes = {matrix.name: matrix.scheme for matrix in model.layers[0].matrices}
    assert schemes["self_attn.q_proj"] == Scheme("auto-round", 8, 128, zeros=True)


def test_section_of_the_text_model() -> None:
    """Kimi K2.5 has it there."""
    config = CONFIGS["moonshotai/Kimi-K2.5"]
    text = {**config["text_config"], "quantization_config": packed(W4A16)}
    assert read_model(ModelFiles({**config, "text_config": text})).scheme.bits == 4


def test_unknown_method_is_said() -> None:
    model = quantized({"quant_method": "exl9", "bits": 3})
    assert model.scheme.bits == 3
    assert model.estimated == ("the quantization exl9 is not known: taken as 3 bits",)


@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": 4},
        {"quant_method": "awq", "bits": 0},
        {"quant_method": "gptq", "bits": 4, "group_size": "big"},
        {"quant_method": "fp8", "weight_block_size": [0, -1]},
        {"quant_method": "fp8", "modules_to_not_convert": "lm_head"},
        "fp8",
    ],
)
def test_junk_is_unreadable(section: Any) -> None:
    with pytest.raises(ModelUnreadable, match="quantization_config"):
        read_model(ModelFiles({**CONFIGS[LLAMA], "quantization_config": section}))
