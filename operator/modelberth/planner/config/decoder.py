"""A decoder from its config: embeddings, layers, head."""

from dataclasses import dataclass

from modelberth.planner.config.attention import grouped_attention
from modelberth.planner.config.feed_forward import dense
from modelberth.planner.config.pieces import linear, norms
from modelberth.planner.config.traits import Traits, switched
from modelberth.planner.config.values import MAX_LAYERS, Config
from modelberth.planner.model import Layer, Matrix

NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")


@dataclass(frozen=True)
class Decoder:
    """The text model: all that a Model has of matrices."""

    layers: tuple[Layer, ...]
    embedding: tuple[Matrix, ...]
    head: tuple[Matrix, ...]
    tied: bool


def decoder(config: Config, traits: Traits) -> Decoder:
    """The decoder that ``config`` (the text section of multimodal models) describes."""
    hidden = config.size("hidden_size", "n_embd", "d_model")
    vocabulary = config.size("vocab_size")
    count = config.size("num_hidden_layers", "n_layer", "n_layers", "num_layers", maximum=MAX_LAYERS)
    made: dict[int | None, Layer] = {}
    layers = []
    for window in _windows(config, count):
        if window not in made:
            matrices, cache = grouped_attention(config, traits, window)
            around = norms(NORMS[: traits.norms], hidden, traits.norm_bias)
            made[window] = Layer((*matrices, *dense(config, traits), *around), cache)
        layers.append(made[window])
    tied = config.flag("tie_word_embeddings")
    head = () if tied else linear("lm_head", hidden, vocabulary, switched(config, traits.head_bias))
    return Decoder(
        layers=tuple(layers),
        embedding=(Matrix("embed_tokens", hidden, vocabulary, linear=False),),
        head=(*norms(("norm",), hidden, traits.norm_bias), *head),
        tied=tied,
    )


def _windows(config: Config, layers: int) -> list[int | None]:
    """Sliding window of each layer."""
    if not config.flag("use_sliding_window", default=True):
        return [None] * layers
    window = config.count("sliding_window", default=0) or None
    kinds = config.words("layer_types")
    if len(kinds) == layers:
        return [window if kind == "sliding_attention" else None for kind in kinds]
    first = config.count("max_window_layers", default=0)
    return [window if index >= first else None for index in range(layers)]
