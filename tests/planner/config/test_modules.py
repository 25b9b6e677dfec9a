"""Lists of modules that quantization configs leave out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.config.modules import Modules, compressed


@pytest.mark.parametrize(
    ("entry", "module", "layer", "named"),
    [
        ("lm_head", "lm_head", None, True),
        ("gate", "mlp.gate", 3, True),
        ("gate", "mlp.gate_proj", 3, False),
        ("mlp.gate", "mlp.gate", 3, True),
        ("self_attn", "self_attn.q_proj", 3, True),
        ("model.layers.3.self_attn", "self_attn.q_proj", 3, True),
        ("model.layers.3.self_attn", "self_attn.q_proj", 4, False),
        ("model.layers.3.self_attn.qkv_proj", "self_attn.v_proj", 3, True),
        ("model.layers.3.mlp.gate_up_proj", "mlp.down_proj", 3, False),
        ("language_model.model.layers.3.mlp.down_proj", "mlp.down_proj", 3, True),
        ("model.layers.3.mlp.experts.0.down_proj", "mlp.experts.down_proj", 3, True),
        ("model.layers.3.mlp.experts.9.down_proj", "mlp.experts.down_proj", 3, False),
        ("model.layers.3", "mlp.down_proj", 3, True),
        ("model.layers.*.self_attn", "self_attn.q_proj", 3, False),
        ("model.layers.*.self_attn*", "self_attn.q_proj", 3, True),
        ("*lm_head*", "lm_head", None, True),
        ("visual", "visual.blocks.attn.qkv", None, True),
        ("model.visual.blocks.11.mlp.fc1", "visual.blocks.attn.qkv", None, True),
        ("visual", "mlp.down_proj", 3, False),
        ("re:.*gate$", "mlp.gate", 3, True),
        ("re:.*gate$", "mlp.gate_proj", 3, False),
        ("re:.*lm_head", "lm_head", None, True),
        ("re:^model\\.layers\\.(0|1)\\..*", "mlp.down_proj", 1, True),
        ("re:^model\\.layers\\.(0|1)\\..*", "mlp.down_proj", 2, False),
        ("re:.*layers\\.\\d+\\.mlp\\.(gate|up)_proj", "mlp.up_proj", 12, True),
        ("re:.*layers\\.\\d+\\.mlp\\.(gate|up)_proj", "mlp.down_proj", 12, False),
        ("re:.*mlp\\.experts\\.\\d+\\..*", "mlp.experts.up_proj", 12, True),
        ("re:visual.*", "visual.blocks.attn.qkv", None, True),
    ],
)
def test_matches(entry: str, module: str, layer: int | None, named: bool) -> None:
    assert Modules.of([entry]).matches(module, layer) is named


@pytest.mark.parametrize("pattern", ["re:(a+)+$", "re:(?!.*mlp).*", "re:[", "re:" + ".*a" * 50, "re:" + "(a|b)" * 20])
def test_patterns_that_could_be_slow_are_not_run(pattern: str) -> None:
    assert Modules.of([pattern]).unreadable


NAMES = st.lists(
    st.one_of(
        st.builds(
            "{}.layers.{}.{}".format,
            st.sampled_from(["model", "model.language_model"]),
            st.integers(0, 12),
            st.sampled_from(
                ["mlp.gate", "mlp.gate_up_proj", "self_attn.q_proj", "mlp.experts.0.up_proj", "linear_attn"]
            ),
        ),
        st.sampled_from(["lm_head", "re:.*gate$", "model.visual.blocks.3.attn.qkv", "*self_attn*", "gate", "visual"]),
    ),
    max_size=40,
)


@given(NAMES)
def test_compressed_lists_name_the_same_modules(names: list[str]) -> None:
    short = compressed(names)
    before, after = Modules.of(names), Modules.of(short)
    for module in ("mlp.gate", "mlp.gate_proj", "self_attn.q_proj", "mlp.experts.up_proj", "linear_attn.in_proj_a"):
        for layer in range(13):
            assert before.matches(module, layer) == after.matches(module, layer)
    assert before.matches("visual.blocks.mlp.fc1") == after.matches("visual.blocks.mlp.fc1")
    assert len(short) <= len(names)
    assert compressed(short) == short


def test_one_entry_for_all_layers() -> None:
    names = [f"model.layers.{layer}.mlp.gate" for layer in (*range(61), 70)]
    assert compressed(names) == ["model.layers.{0-60,70}.mlp.gate"]
