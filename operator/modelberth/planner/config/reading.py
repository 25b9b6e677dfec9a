"""From a model's own files to the Model that the planner counts with."""

from modelberth.planner.config.attention import heads_of
from modelberth.planner.config.decoder import decoder
from modelberth.planner.config.feed_forward import inner_size
from modelberth.planner.config.quantization import scheme_of
from modelberth.planner.config.traits import Traits
from modelberth.planner.config.values import Config, ModelUnreadable
from modelberth.planner.files import ModelFiles
from modelberth.planner.model import Model

__all__ = ["ModelUnreadable", "read_model"]

FAMILIES = {
    "llama": Traits(),
    "mistral": Traits(qkv_bias=False, out_bias=False, mlp_bias=False),
    "qwen2": Traits(qkv_bias=True, out_bias=False, mlp_bias=False),
    "qwen3": Traits(qk_norm="head"),
}


def read_model(files: ModelFiles) -> Model:
    """The model that ``files`` describe.

    Raises ModelUnreadable where they name no model; the message names the key of config.json.
    """
    if files.config is None:
        raise ModelUnreadable("there is no config.json")
    return model_of(Config(files.config))


def model_of(config: Config) -> Model:
    """The model of config.json alone."""
    traits = FAMILIES.get(config.model_type)
    text = decoder(config, traits or Traits())
    heads = heads_of(config)
    architectures = config.words("architectures")
    return Model(
        architecture=architectures[0] if architectures else "",
        model_type=config.model_type,
        hidden_size=heads.hidden,
        vocab_size=config.size("vocab_size"),
        attention_heads=heads.queries,
        kv_heads=heads.kv,
        max_len=config.count("max_position_embeddings", "n_positions", default=0) or None,
        layers=text.layers,
        embedding=text.embedding,
        head=text.head,
        tied=text.tied,
        scheme=scheme_of(config),
        dtype=config.word("torch_dtype", "dtype", default="bfloat16"),
        intermediate_size=inner_size(config),
        estimated=() if traits else (f"the architecture {config.model_type or 'of config.json'} is not known",),
    )
