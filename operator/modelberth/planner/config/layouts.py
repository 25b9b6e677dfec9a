"""What single architectures have of their own: orders of layers, more embeddings, sizes that are computed."""

from collections.abc import Callable

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.feed_forward import expert_count
from modelberth.planner.config.patterns import layer_types, stateful_layers
from modelberth.planner.config.traits import Kind, Traits
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix

Layout = Callable[[Config, Traits, int], list[Kind]]


def only(mixer: str) -> Layout:
    """Layers of nothing but one mixer (Mamba)."""
    return lambda config, traits, layers: [Kind(mixer, "none")] * layers


def granite_hybrid(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Granite 4: every layer has a dense part, large models have experts beside it."""
    feed = "experts" if expert_count(config) else "shared"
    stateful = stateful_layers(config, layers)
    return [Kind("mamba2" if stateful[index] else "attention", feed) for index in range(layers)]


def parallel_hybrid(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Falcon H1: attention and Mamba side by side, here two layers with a cache each."""
    return [Kind("attention", "none"), Kind("mamba2", "dense")] * layers


NEMOTRON = {
    "M": Kind("mamba2", "none"),
    "*": Kind("attention", "none"),
    "-": Kind("none", "dense"),
    "E": Kind("none", "experts"),
    "mamba": Kind("mamba2", "none"),
    "attention": Kind("attention", "none"),
    "mlp": Kind("none", "dense"),
    "moe": Kind("none", "experts"),
}


def nemotron_hybrid(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Nemotron H: each layer is one of Mamba, attention, feed-forward, experts."""
    named: list[str] | str = layer_types(config, layers) or config.word("hybrid_override_pattern")
    if len(named) != layers or not set(named) <= set(NEMOTRON):
        raise config.wrong(("hybrid_override_pattern",), "does not name every layer")
    return [NEMOTRON[name] for name in named]


def positions(config: Config) -> tuple[Matrix, ...]:
    """Learned positions (GPT-2)."""
    length = config.size("max_position_embeddings", "n_positions")
    return (Matrix("embed_positions", hidden_size(config), length, split="replicated", linear=False),)


def qwen1_inner(config: Config) -> int:
    """Qwen's first models count the gate and the up projection together."""
    return max(config.size("intermediate_size") // 2, 1)


def lfm2_inner(config: Config) -> int:
    """LFM2 takes two thirds and rounds up (transformers, Lfm2MLP)."""
    inner = config.size("block_ff_dim", "intermediate_size")
    if not config.flag("block_auto_adjust_ff_dim", default=True):
        return inner
    scaled = int(config.number("block_ffn_dim_multiplier", default=1.0) * int(2 * inner / 3))
    multiple = config.size("block_multiple_of", default=256)
    return max(-(-scaled // multiple) * multiple, 1)
