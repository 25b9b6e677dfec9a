"""DeepSeek V4: compressed latent attention and hyper-connections (transformers, models/deepseek_v4)."""

from modelberth.planner.config.attention import Mixer, hidden_size, latent_attention
from modelberth.planner.config.feed_forward import expert_count
from modelberth.planner.config.patterns import layer_types, usual_kinds
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.traits import Kind, Mixture, Traits
from modelberth.planner.config.values import MAX_LAYERS, Config
from modelberth.planner.model import LatentCache, Matrix

SPARSE, HEAVY = 4, 128
"""Tokens that one vector stands for in compressed sparse and in heavily compressed attention."""
RATIOS = {"sliding_attention": 0, "compressed_sparse_attention": SPARSE, "heavily_compressed_attention": HEAVY}


def kinds(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Layers by how far they compress; the first ones choose experts by a table of tokens."""
    ratios = config.whole_numbers("compress_ratios")[:layers]
    if len(ratios) != layers:
        named = layer_types(config, layers)
        ratios = [RATIOS.get(name, HEAVY) for name in named]
    if not ratios:
        ratios = [HEAVY if index < 2 or index % 2 == 0 else SPARSE for index in range(layers)]
    if not all(0 <= ratio <= 1 << 16 for ratio in ratios):
        raise config.wrong(("compress_ratios",), "has a ratio that cannot be")
    hashed = config.count("num_hash_layers", default=3, maximum=MAX_LAYERS)
    return [
        Kind("compressed", "experts", ratio, "hash" if index < hashed else "") for index, ratio in enumerate(ratios)
    ]


def compressed_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """One latent head over a window of tokens and over compressed ones; ``kind.window`` is the compression."""
    hidden, heads, dim = hidden_size(config), config.size("num_attention_heads"), config.size("head_dim")
    rank, ratio = config.size("q_lora_rank"), kind.window or 0
    groups, out = config.size("o_groups"), config.size("o_lora_rank")
    index = config.count("index_head_dim", default=0) if ratio == SPARSE else 0
    matrices = (
        vector("self_attn.sinks", heads, split="tensor"),
        *linear("self_attn.q_a_proj", hidden, rank, split="replicated"),
        *norms(("self_attn.q_a_norm",), rank),
        *linear("self_attn.q_b_proj", rank, heads * dim),
        *linear("self_attn.kv_proj", hidden, dim, split="replicated"),
        *norms(("self_attn.kv_norm",), dim),
        *linear("self_attn.o_a_proj", max(heads * dim // groups, 1), groups * out),
        *linear("self_attn.o_b_proj", groups * out, hidden),
        *(_compressor("self_attn.compressor", hidden, dim, ratio) if ratio > 1 else ()),
        *(_indexer(config, hidden, rank, index) if index else ()),
    )
    rope = config.count("qk_rope_head_dim", default=64)
    window = config.count("sliding_window", default=128)
    return matrices, LatentCache(dim, rope, index, tokens=ratio, index_tokens=max(ratio, 1), window=window)


def _compressor(name: str, hidden: int, dim: int, ratio: int) -> tuple[Matrix, ...]:
    """Sparse attention compresses overlapping groups, so it has twice the channels."""
    channels = dim * (2 if ratio == SPARSE else 1)
    return (
        vector(f"{name}.position_bias", ratio * channels),
        *linear(f"{name}.kv_proj", hidden, channels, split="replicated"),
        *linear(f"{name}.gate_proj", hidden, channels, split="replicated"),
        *norms((f"{name}.kv_norm",), dim),
    )


def _indexer(config: Config, hidden: int, rank: int, dim: int) -> tuple[Matrix, ...]:
    name, heads = "self_attn.compressor.indexer", config.size("index_n_heads")
    return (
        *_compressor(name, hidden, dim, SPARSE),
        *linear(f"{name}.q_b_proj", rank, heads * dim, split="replicated"),
        Matrix(f"{name}.weights_proj", hidden, heads, split="replicated", linear=False),
    )


def around_layer(config: Config, kind: Kind) -> tuple[Matrix, ...]:
    """Hyper-connections around both parts of a layer, and how its experts are chosen."""
    count = expert_count(config)
    if kind.feed != "experts":
        return hyper_connections(config)
    if kind.variant == "hash":
        table = config.size("vocab_size") * config.size("num_experts_per_tok")
        return (*hyper_connections(config), vector("mlp.gate.tid2eid", table))
    return (*hyper_connections(config), vector("mlp.gate.e_score_correction_bias", count))


def hyper_connections(config: Config) -> tuple[Matrix, ...]:
    """Several residual streams, mixed before and after attention and feed-forward."""
    streams, hidden = config.size("hc_mult", default=4), hidden_size(config)
    mixes = (2 + streams) * streams
    return tuple(
        part
        for name in ("attn_hc", "ffn_hc")
        for part in (
            Matrix(f"{name}.fn", streams * hidden, mixes, split="replicated", linear=False),
            vector(f"{name}.base", mixes + 3),
        )
    )


def mixed_head(config: Config) -> tuple[Matrix, ...]:
    """What makes one stream of several before the head."""
    streams, hidden = config.size("hc_mult", default=4), hidden_size(config)
    return (
        Matrix("hc_head.hc_fn", streams * hidden, streams, split="replicated", linear=False),
        vector("hc_head.hc_base", streams + 1),
    )


DEEPSEEK_V4 = Traits(mlp_bias=False, kinds=kinds, more=around_layer, embeddings=mixed_head)


def glm5_kinds(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """GLM-5.3-Flash: three layers of Kimi delta attention, then a latent one; all but the first three have experts."""
    named, feeds = layer_types(config, layers), config.words("mlp_layer_types")
    states = [name == "linear_attention" for name in named] or [index % 4 != 3 for index in range(layers)]
    dense = [name == "dense" for name in feeds] if len(feeds) == layers else [index < 3 for index in range(layers)]
    return [
        Kind("kda" if states[index] else "pooled", "dense" if dense[index] else "experts") for index in range(layers)
    ]


def pooled_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Latent attention whose indexer pools keys."""
    matrices, cache = latent_attention(config, traits, kind)
    pool, dim = config.size("index_kpool", default=16), config.count("index_head_dim", default=0)
    if not isinstance(cache, LatentCache) or not dim:
        return matrices, cache
    more = (
        vector("self_attn.indexer.index_kpool_compress_ape", pool * dim),
        *linear("self_attn.indexer.index_kpool_compress_gate", hidden_size(config), dim, split="replicated"),
    )
    return (*matrices, *more), LatentCache(cache.dim, cache.rope_dim, dim, index_tokens=pool)


GLM5_NEXT = Traits(
    mlp_bias=False,
    mixer="pooled",
    kinds=glm5_kinds,
    mixture=Mixture(correction=True),
    more=lambda config, kind: hyper_connections(config),
)


def hybrid_latent(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Latent attention among layers that keep a state (Kimi Linear counts its attention layers from 1)."""
    section = config.section("linear_attn_config")
    usual = usual_kinds(config, traits, layers)
    if section is None:
        return usual
    attending = frozenset(section.whole_numbers("full_attn_layers"))
    return [Kind("latent" if index + 1 in attending else "kda", kind.feed) for index, kind in enumerate(usual)]
