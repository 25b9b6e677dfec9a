"""Decoders that look like Llama, from config.json alone."""

import pytest

from modelberth.planner.config.keys import prune
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.model import AttentionCache

LLAMA_3_8B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
    "rms_norm_eps": 1e-05,
}


def test_llama() -> None:
    model = read_model(ModelFiles(LLAMA_3_8B))
    assert model.parameters == 8_030_261_248
    assert model.layers[0].cache == AttentionCache(8, 128, 128)
    assert len(model.layers) == 32
    assert len(set(map(id, model.layers))) == 1
    assert (model.max_len, model.dtype, model.estimated) == (8192, "bfloat16", ())


def test_pruned_config_reads_the_same() -> None:
    pruned = prune(LLAMA_3_8B)
    assert "rms_norm_eps" not in pruned
    assert read_model(ModelFiles(pruned)) == read_model(ModelFiles(LLAMA_3_8B))


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_hidden_layers", 5000), ("hidden_size", "big"), ("vocab_size", -1), ("num_attention_heads", float("nan"))],
)
def test_the_message_names_the_key(key: str, value: object) -> None:
    with pytest.raises(ModelUnreadable, match=rf"config.json: {key} is"):
        read_model(ModelFiles({**LLAMA_3_8B, key: value}))
