"""A decoder from its config: embeddings, layers, head."""

from collections.abc import Callable
from dataclasses import dataclass

from modelberth.planner.config.attention import Mixer, grouped_attention, hidden_size, latent_attention
from modelberth.planner.config.deepseek_v4 import compressed_attention, pooled_attention
from modelberth.planner.config.feed_forward import both, dense, experts, shared_expert
from modelberth.planner.config.gemma import gemma_attention, mixture, wide
from modelberth.planner.config.patterns import kinds_of
from modelberth.planner.config.pieces import norms, vector
from modelberth.planner.config.qwen4 import indexed_attention
from modelberth.planner.config.recurrent import (
    delta_attention,
    gated_delta_net,
    lightning_attention,
    mamba1,
    mamba2,
    short_convolution,
)
from modelberth.planner.config.traits import Kind, Traits, switched
from modelberth.planner.config.values import Config
from modelberth.planner.model import Layer, Matrix

NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")


def _none(config: Config, traits: Traits, kind: Kind) -> Mixer:
    return (), None


MIXERS: dict[str, Callable[[Config, Traits, Kind], Mixer]] = {
    "none": _none,
    "attention": grouped_attention,
    "latent": latent_attention,
    "gemma": gemma_attention,
    "compressed": compressed_attention,
    "pooled": pooled_attention,
    "indexed": indexed_attention,
    "mamba": mamba1,
    "mamba2": mamba2,
    "delta": gated_delta_net,
    "kda": delta_attention,
    "conv": short_convolution,
    "lightning": lightning_attention,
}
FEEDS: dict[str, Callable[[Config, Traits, Kind], tuple[Matrix, ...]]] = {
    "none": lambda config, traits, kind: (),
    "dense": dense,
    "experts": experts,
    "both": both,
    "wide": wide,
    "gemma": mixture,
    "shared": lambda config, traits, kind: shared_expert(config, traits),
}


@dataclass(frozen=True)
class Decoder:
    """The text model: all that a Model has of matrices."""

    layers: tuple[Layer, ...]
    embedding: tuple[Matrix, ...]
    head: tuple[Matrix, ...]


def vocabulary_size(config: Config) -> int:
    # ChatGLM pads it. Where neither is there, the name that everybody knows is the one that is missing.
    return config.size("vocab_size" if config.value("padded_vocab_size") is None else "padded_vocab_size")


def decoder(config: Config, traits: Traits, tied: bool) -> Decoder:
    """The decoder that ``config`` (the text section of multimodal models) describes."""
    hidden, vocabulary = hidden_size(config), vocabulary_size(config)
    width = config.size("word_embed_proj_dim", default=hidden)
    more = traits.embeddings(config) if traits.embeddings else ()
    final = norms(("norm",), hidden, traits.norm_bias) if traits.final_norm else ()
    bias = (vector("lm_head.bias", vocabulary),) if switched(config, traits.head_bias) else ()
    head = () if tied else (Matrix("lm_head", hidden, vocabulary, linear=False), *bias)
    made: dict[Kind, Layer] = {}
    distinct: dict[Layer, Layer] = {}
    layers = []
    for kind in kinds_of(config, traits):
        if kind not in made:
            layer = _layer(config, traits, kind)
            made[kind] = distinct.setdefault(layer, layer)  # kinds may turn out alike
        layers.append(made[kind])
    return Decoder(
        layers=tuple(layers),
        embedding=(Matrix("embed_tokens", width, vocabulary, linear=False), *more),
        head=(*final, *head),
    )


def _layer(config: Config, traits: Traits, kind: Kind) -> Layer:
    matrices, cache = MIXERS[kind.mixer](config, traits, kind)
    feed = FEEDS[kind.feed](config, traits, kind)
    around = norms(NORMS[: traits.norms], hidden_size(config), traits.norm_bias)
    more = traits.more(config, kind) if traits.more else ()
    return Layer((*matrices, *feed, *around, *more), cache)
