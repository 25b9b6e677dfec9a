"""What single architectures have of their own: orders of layers, more embeddings, sizes that are computed."""

from collections.abc import Callable

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.feed_forward import expert_count
from modelberth.planner.config.patterns import layer_types, stateful_layers, usual_kinds
from modelberth.planner.config.pieces import vector
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


def doubled_local_heads(config: Config) -> tuple[int, int]:
    """MiMo V2: twice the key-value heads in layers with a window (transformers, models/mimo_v2_flash)."""
    queries = config.size("swa_num_attention_heads", "num_attention_heads")
    return queries, config.size("swa_num_key_value_heads", default=2 * config.size("num_key_value_heads"))


def step_local_heads(config: Config) -> tuple[int, int]:
    """Step 3.5 and later: more query heads in layers with a window (transformers, models/step3p7)."""
    queries = config.size("num_sliding_attention_heads", "num_attention_heads")
    return queries, config.size("num_attention_groups", "num_key_value_heads")


def two_in_one(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """LongCat Flash: two attention and two dense parts per layer, and experts beside the second; here two layers."""
    return [Kind("latent", "dense"), Kind("latent", "both")] * layers


def by_attention_list(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """MiniMax 01: attn_type_list names the layers with softmax attention."""
    attending = config.whole_numbers("attn_type_list")
    if len(attending) != layers:
        return usual_kinds(config, traits, layers)
    return [Kind("attention" if each else "lightning", "experts") for each in attending]


def mimo(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """MiMo V2: hybrid_layer_pattern marks the layers with a window."""
    local = config.whole_numbers("hybrid_layer_pattern")
    usual = usual_kinds(config, traits, layers)
    if len(local) != layers:
        return usual
    window = config.size("sliding_window", "sliding_window_size")
    return [Kind("attention", kind.feed, window if each else None) for each, kind in zip(local, usual, strict=True)]


def activation_parameters(config: Config, kind: Kind) -> tuple[Matrix, ...]:
    """xIELU of Apertus has four numbers (transformers, activations)."""
    return (vector("mlp.act_fn", 4),)
