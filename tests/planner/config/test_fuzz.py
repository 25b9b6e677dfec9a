"""Whatever config.json holds, the answer is a Model or ModelUnreadable, and soon."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth.planner.config.keys import prune
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import ModelFiles, Tensors
from modelberth.planner.model import Model

CONFIGS: list[dict[str, Any]] = [
    row["config"] for row in json.loads((Path(__file__).parent / "published.json").read_text())
]
SECTIONS: list[dict[str, Any]] = [
    {"quant_method": "awq", "bits": 4, "group_size": 128},
    {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["lm_head", "*gate*"]},
    {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 32}}},
        "ignore": ["re:.*gate$", "lm_head", "model.layers.0.mlp"],
    },
    {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {"a.0.b": {"quant_algo": "FP8"}}},
    {"quant_method": "auto-round", "extra_config": {"a": {"bits": 16}}},
    {"quant_method": "torchao", "quant_type": {"default": {"_type": "Int4", "_data": {"group_size": 128}}}},
]
NUMBERS = st.one_of(st.integers(-5, 5), st.sampled_from([10**9, 10**40, 10**400, -(10**20), 2**24, 2**24 + 1]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), st.text(max_size=8), st.just("auto"))
LONG = st.sampled_from([["full_attention"] * 10**6, [1] * 100, [[[[]]]], ["re:(a+)+$"], ["*" * 50]])
JUNK = st.one_of(
    SCALARS,
    LONG,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
        max_leaves=8,
    ),
)


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """A real config.json with a few values replaced, left out or multiplied."""
    config: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(CONFIGS))))
    if draw(st.booleans()):
        config["quantization_config"] = json.loads(json.dumps(draw(st.sampled_from(SECTIONS))))
    for _ in range(draw(st.integers(1, 4))):
        place = config
        while draw(st.booleans()):
            inner = [value for value in place.values() if isinstance(value, dict)]
            if not inner:
                break
            place = draw(st.sampled_from(inner))
        if not place:
            continue
        key = draw(st.sampled_from(sorted(place)))
        change = draw(st.integers(0, 3))
        if change == 0:
            del place[key]
        elif change == 1 and isinstance(place[key], int):
            place[key] = place[key] * draw(st.sampled_from([-1, 2, 1000, 10**12])) + draw(st.integers(-2, 2))
        else:
            place[key] = draw(JUNK)
    return config


def answer(config: dict[str, Any], tensors: Tensors | None) -> Model | str:
    try:
        return read_model(ModelFiles(config, tensors))
    except ModelUnreadable as error:
        return str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(configs(), st.sampled_from([None, Tensors({"BF16": 10**9}, 2 * 10**9, 10**8), Tensors({"I32": 7}, 0)]))
def test_a_model_or_a_reason(config: dict[str, Any], tensors: Tensors | None) -> None:
    found = answer(config, tensors)
    assert answer(prune(config), tensors) == found
    if isinstance(found, Model):
        assert 0 < len(found.layers) <= 2 * 4096
        assert found.parameters > 0
    else:
        assert "config.json" in found


@given(st.dictionaries(st.text(max_size=20), JUNK, max_size=8))
def test_no_config_at_all(config: dict[str, Any]) -> None:
    found = answer(config, None)
    assert isinstance(found, Model) or "config.json" in found
