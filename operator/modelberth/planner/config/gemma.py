"""Gemma 3n and 4: two kinds of attention layers, shared caches, embeddings per layer (transformers, models/gemma4)."""

from dataclasses import replace

from modelberth.planner.config.attention import Heads, Mixer, attention_matrices, heads_of, hidden_size
from modelberth.planner.config.feed_forward import expert_count, expert_inner_size, feed_forward, inner_size
from modelberth.planner.config.patterns import layer_types, windows
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.traits import Kind, Traits
from modelberth.planner.config.values import MAX_LAYERS, Config
from modelberth.planner.model import AttentionCache, Matrix

GLOBAL_HEAD_DIM = 512
"""Of layers that attend to everything in Gemma 4, where config.json leaves it out."""


def kinds(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Local and global layers; the last ones share the caches of earlier ones."""
    spans = windows(config, traits, layers)
    named = layer_types(config, layers)
    everything = [kind == "full_attention" for kind in named] if named else [span is None for span in spans]
    owning = layers - config.count("num_kv_shared_layers", default=0, maximum=MAX_LAYERS)
    wide = config.flag("use_double_wide_mlp")
    feed = "gemma" if config.flag("enable_moe_block") and expert_count(config) else "dense"
    found = []
    for index, span in enumerate(spans):
        variant = ("global" if everything[index] else "local") + (" shared" if index >= owning else "")
        found.append(Kind("gemma", "wide" if wide and index >= owning else feed, span, variant))
    return found


def gemma_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Global layers have wider heads, and in large models fewer of them, whose keys are the values too."""
    heads = heads_of(config)
    same = False
    if config.model_type.startswith("gemma4") and kind.variant.startswith("global"):
        dim = config.size("global_head_dim", default=GLOBAL_HEAD_DIM)
        same = config.flag("attention_k_eq_v")
        kv = config.size("num_global_key_value_heads", default=heads.kv) if same else heads.kv
        heads = Heads(heads.hidden, heads.queries, kv, dim, dim)
    matrices = attention_matrices(config, traits, heads)
    if same:
        matrices = tuple(matrix for matrix in matrices if not matrix.name.startswith("self_attn.v_proj"))
    if kind.variant.endswith("shared"):
        return matrices, None
    return matrices, AttentionCache(heads.kv, heads.dim, heads.dim, kind.window)


def wide(config: Config, traits: Traits, kind: Kind) -> tuple[Matrix, ...]:
    """Layers that share a cache have feed-forward parts of twice the width."""
    return feed_forward(traits.feed_name, config, traits, 2 * inner_size(config))


def mixture(config: Config, traits: Traits, kind: Kind) -> tuple[Matrix, ...]:
    """Experts beside a dense part, with three more norms."""
    hidden, count, inner = hidden_size(config), expert_count(config), expert_inner_size(config)
    return (
        *feed_forward(traits.feed_name, config, traits, inner_size(config)),
        Matrix("router.proj", hidden, count, split="replicated", linear=False),
        vector("router.scale", hidden + count),
        Matrix("experts.gate_proj", hidden, inner, count, "experts"),
        Matrix("experts.up_proj", hidden, inner, count, "experts"),
        Matrix("experts.down_proj", inner, hidden, count, "experts"),
        *norms(("experts.layernorms",), 3 * hidden),
    )


def per_layer(config: Config, kind: Kind) -> tuple[Matrix, ...]:
    """What each layer does with its own embedding; in Gemma 3n also its alternating updates."""
    hidden, width = hidden_size(config), config.count("hidden_size_per_layer_input", default=0)
    parts: tuple[Matrix, ...] = ()
    if width:
        parts = (
            *linear("per_layer_input_gate", hidden, width, split="replicated"),
            *linear("per_layer_projection", width, hidden, split="replicated"),
            *norms(("post_per_layer_input_norm",), hidden),
        )
    if config.model_type.startswith("gemma4"):
        return (*parts, vector("layer_scalar", 1))
    inputs, rank = config.size("altup_num_inputs"), config.size("laurel_rank")
    return (
        *parts,
        *linear("laurel.linear_left", hidden, rank, split="replicated"),
        *linear("laurel.linear_right", rank, hidden, split="replicated"),
        *norms(("laurel.post_laurel_norm", "altup.router_norm", "altup.correct_output_scale"), hidden),
        vector("altup.coefs", inputs * inputs * (inputs + 1)),
        Matrix("altup.modality_router", hidden, inputs, split="replicated", linear=False),
    )


def embeddings(config: Config) -> tuple[Matrix, ...]:
    """An embedding for every layer, and Gemma 3n's projections of its alternating updates."""
    hidden, width = hidden_size(config), config.count("hidden_size_per_layer_input", default=0)
    parts: tuple[Matrix, ...] = ()
    if width:
        all_layers = width * config.size("num_hidden_layers", maximum=MAX_LAYERS)
        words = config.size("vocab_size_per_layer_input", "vocab_size")
        parts = (
            Matrix("embed_tokens_per_layer", all_layers, words, linear=False),
            Matrix("per_layer_model_projection", hidden, all_layers, linear=False),
            *norms(("per_layer_projection_norm",), width),
        )
    if config.model_type.startswith("gemma4"):
        return parts
    updates = Matrix(
        "altup_projections", hidden, hidden, 2 * (config.size("altup_num_inputs") - 1), "replicated", False
    )
    return (*parts, updates) if updates.count else parts


GEMMA4 = Traits(
    qkv_bias="attention_bias",
    out_bias="attention_bias",
    mlp_bias=False,
    qk_norm="head",
    norms=4,
    full_every=6,
    kinds=kinds,
    more=per_layer,
    embeddings=embeddings,
)
GEMMA3N = replace(GEMMA4, full_every=5)
