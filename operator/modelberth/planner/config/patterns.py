"""Which layers look back over a window, keep a state, or have experts: as many keys as there are architectures."""

from modelberth.planner.config.traits import Kind, Traits
from modelberth.planner.config.values import MAX_LAYERS, Config

STATES = ("linear_attention", "mamba", "mamba2", "conv", "linear", "recurrent", "kda", "lightning")
"""Entries of layer_types for layers that keep a state instead of keys and values."""
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")


def layer_count(config: Config) -> int:
    return config.size("num_hidden_layers", "n_layer", "n_layers", "num_layers", maximum=MAX_LAYERS)


def kinds_of(config: Config, traits: Traits) -> list[Kind]:
    """The kind of every layer, in order."""
    layers = layer_count(config)
    if traits.kinds is not None:
        return traits.kinds(config, traits, layers)
    return usual_kinds(config, traits, layers)


def usual_kinds(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """The kind of every layer by the keys that most architectures share."""
    stateful = stateful_layers(config, layers) if traits.state else [False] * layers
    spans, sparse = windows(config, traits, layers), sparse_layers(config, layers)
    return [
        Kind(
            traits.state if stateful[index] else traits.mixer,
            "experts" if sparse[index] else "dense",
            None if stateful[index] else spans[index],
        )
        for index in range(layers)
    ]


def layer_types(config: Config, layers: int) -> list[str]:
    """layer_types where it names every layer, else empty."""
    kinds = config.words("layer_types", "layers_block_type")
    return kinds if len(kinds) == layers else []


def windows(config: Config, traits: Traits, layers: int) -> list[int | None]:
    """Tokens that each layer looks back; None: all."""
    window = config.count("sliding_window", "attention_chunk_size", "sliding_window_size", default=0) or None
    if window is None or not config.flag("use_sliding_window", default=True):
        return [None] * layers
    kinds = layer_types(config, layers)
    if kinds:
        local = ("sliding_attention", "chunked_attention")
        return [window if kind in local else None for kind in kinds]
    rotary = config.whole_numbers("no_rope_layers")
    if len(rotary) == layers:  # Llama 4: layers without rotary positions attend to everything
        return [window if each else None for each in rotary]
    pattern = config.value("sliding_window_pattern", "_sliding_window_pattern")
    if isinstance(pattern, str) and pattern:  # Exaone 4: "LLLG"
        return [window if pattern[index % len(pattern)] == "L" else None for index in range(layers)]
    every = config.count("sliding_window_pattern", "_sliding_window_pattern", default=traits.full_every)
    if every:
        return [None if (index + 1) % every == 0 else window for index in range(layers)]
    first = config.count("max_window_layers", default=0)
    return [window if index >= first else None for index in range(layers)]


def stateful_layers(config: Config, layers: int) -> list[bool]:
    """Which layers keep a state."""
    kinds = layer_types(config, layers)
    if kinds:
        return [kind in STATES for kind in kinds]
    attending = frozenset(config.whole_numbers("attn_layer_indices", "full_attn_idxs"))
    if attending:
        return [index not in attending for index in range(layers)]
    every = config.count("full_attention_interval", "attn_layer_period", default=0)
    if every:
        offset = config.count("attn_layer_offset", default=every - 1)
        return [index % every != offset for index in range(layers)]
    return [True] * layers


def sparse_layers(config: Config, layers: int) -> list[bool]:
    """Which layers have experts."""
    if config.count(*EXPERTS, default=0) < 1:
        return [False] * layers
    named = config.words("mlp_layer_types")
    if len(named) == layers:
        return [name != "dense" for name in named]
    chosen = frozenset(config.whole_numbers("moe_layers", "moe_layer_indices"))
    if chosen:
        return [index in chosen for index in range(layers)]
    if isinstance(config.value("moe_layer_freq", "is_moe_layer"), list):
        flags = config.items("moe_layer_freq", "is_moe_layer")
        return [bool(flag) for flag in flags[:layers]] + [True] * (layers - len(flags))
    first = config.count("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index", default=0)
    dense = frozenset(config.whole_numbers("mlp_only_layers"))
    step, offset = _interleaving(config)
    return [index >= first and index not in dense and index % step == offset for index in range(layers)]


def _interleaving(config: Config) -> tuple[int, int]:
    """Every how many layers there are experts, and from which on."""
    if config.has("moe_layer_freq"):
        return config.size("moe_layer_freq", default=1), 0
    step = config.size(
        "decoder_sparse_step", "expert_layer_period", "moe_layer_interval", "interleave_moe_layer_step", default=1
    )
    return step, config.count("expert_layer_offset", default=step - 1) % step
