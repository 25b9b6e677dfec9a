"""What older tools wrote beside config.json becomes the quantization_config that newer ones write into it."""

from typing import Any

import pytest

from modelberth.ports.model_files.quantization import is_quantized, with_quantization

MODELOPT: dict[str, Any] = {
    "producer": {"name": "modelopt", "version": "0.29.0"},
    "quantization": {"quant_algo": "NVFP4", "group_size": 16, "exclude_modules": ["lm_head"]},
}


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("hf_quant_config.json", MODELOPT, {"quant_method": "modelopt", **MODELOPT["quantization"]}),
        ("hf_quant_config.json", {"quant_algo": "FP8"}, {"quant_method": "modelopt", "quant_algo": "FP8"}),
        (
            "quantize_config.json",
            {"bits": 4, "group_size": 128, "sym": True},
            {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True},
        ),
        (
            "quant_config.json",
            {"zero_point": True, "q_group_size": 128, "w_bit": 4},
            {
                "quant_method": "awq",
                "zero_point": True,
                "bits": 4,
                "group_size": 128,
                "q_group_size": 128,
                "w_bit": 4,
            },
        ),
    ],
)
def test_one_shape_for_all(name: str, content: dict[str, Any], found: dict[str, Any]) -> None:
    config = {"model_type": "llama"}
    assert with_quantization(config, name, content) == {"model_type": "llama", "quantization_config": found}
    assert config == {"model_type": "llama"}


@pytest.mark.parametrize(
    ("config", "quantized"),
    [
        ({}, False),
        ({"quantization_config": None}, False),
        ({"quantization_config": {"quant_method": "fp8"}}, True),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, True),
        ({"text_config": []}, False),
        ({"compression_config": {"format": "pack-quantized"}}, True),
    ],
)
def test_what_config_json_says_itself(config: dict[str, Any], quantized: bool) -> None:
    assert is_quantized(config) is quantized
