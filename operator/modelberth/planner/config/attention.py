"""Softmax attention: grouped queries over full or sliding windows, and multi-head latent attention."""

from dataclasses import dataclass, replace

from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.traits import Kind, Traits, switched
from modelberth.planner.config.values import Config
from modelberth.planner.model import AttentionCache, Cache, LatentCache, Matrix

Mixer = tuple[tuple[Matrix, ...], Cache | None]
"""Matrices of the part of a layer that mixes tokens, and what it keeps of them."""


@dataclass(frozen=True)
class Heads:
    """Shape of grouped-query attention."""

    hidden: int
    queries: int
    kv: int
    dim: int
    value_dim: int


def hidden_size(config: Config) -> int:
    return config.size("hidden_size", "n_embd", "d_model", "model_dim")


def heads_of(config: Config) -> Heads:
    """Numbers of heads and their size, under the names that architectures use."""
    hidden = hidden_size(config)
    queries = config.size("num_attention_heads", "n_head", "n_heads", "num_heads")
    shared = config.flag("multi_query") and not config.flag("new_decoder_architecture")  # Falcon 7B, StarCoder
    kv = 1 if shared else _kv_heads(config, queries)
    dim = config.size("head_dim", "kv_channels", "attention_head_dim", default=max(hidden // queries, 1))
    return Heads(hidden, queries, kv, dim, config.size("v_head_dim", default=dim))


def _kv_heads(config: Config, queries: int) -> int:
    keys = ("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num", "num_attention_groups")
    return config.size(*keys, default=queries)


def grouped_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Grouped-query attention of one layer."""
    heads = heads_of(config)
    if kind.window is not None and traits.local_heads is not None:
        queries, kv = traits.local_heads(config)
        heads = replace(heads, queries=queries, kv=kv)
    matrices = attention_matrices(config, traits, heads)
    if traits.sinks == "all" or (traits.sinks == "local" and kind.window is not None):
        matrices = (*matrices, vector(f"{traits.attention_name}.sinks", heads.queries, split="tensor"))
    return matrices, AttentionCache(heads.kv, heads.dim, heads.value_dim, kind.window)


def attention_matrices(config: Config, traits: Traits, heads: Heads) -> tuple[Matrix, ...]:
    """Projections of queries, keys, values and of what comes out."""
    name, bias = traits.attention_name, switched(config, traits.qkv_bias)
    out = heads.queries * heads.value_dim
    queries = heads.queries * heads.dim * (2 if traits.gate == "query" else 1)
    return (
        *linear(f"{name}.q_proj", heads.hidden, queries, bias),
        *linear(f"{name}.k_proj", heads.hidden, heads.kv * heads.dim, bias, "kv_heads"),
        *linear(f"{name}.v_proj", heads.hidden, heads.kv * heads.value_dim, bias, "kv_heads"),
        *linear(f"{name}.o_proj", out, heads.hidden, switched(config, traits.out_bias)),
        *query_key_norms(config, traits, heads),
        *_gate(traits, heads),
    )


def query_key_norms(config: Config, traits: Traits, heads: Heads) -> tuple[Matrix, ...]:
    if not traits.qk_norm or not switched(config, traits.qk_norm_switch):
        return ()
    whole = traits.qk_norm == "full"
    return (
        *norms((f"{traits.attention_name}.q_norm",), heads.dim * (heads.queries if whole else 1)),
        *norms((f"{traits.attention_name}.k_norm",), heads.dim * (heads.kv if whole else 1)),
    )


def _gate(traits: Traits, heads: Heads) -> tuple[Matrix, ...]:
    if traits.gate in ("", "query"):
        return ()
    outputs = heads.queries * (heads.value_dim if traits.gate == "full" else 1)
    return linear(f"{traits.attention_name}.g_proj", heads.hidden, outputs)


def latent_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Multi-head latent attention of DeepSeek V2 and V3, with the indexer of V3.2 where there is one.

    Source: transformers, models/deepseek_v3 and models/deepseek_v32.
    """
    name, hidden = traits.attention_name, hidden_size(config)
    queries = config.size("num_attention_heads")
    rank, rope = config.size("kv_lora_rank"), config.count("qk_rope_head_dim", default=0)
    nope, value = config.size("qk_nope_head_dim"), config.size("v_head_dim")
    compressed = config.count("q_lora_rank", default=0)
    bias = switched(config, traits.qkv_bias)
    width = queries * (nope + rope)
    query = linear(f"{name}.q_proj", hidden, width)
    if compressed:
        query = (
            *linear(f"{name}.q_a_proj", hidden, compressed, bias, "replicated"),
            *norms((f"{name}.q_a_layernorm",), compressed),
            *linear(f"{name}.q_b_proj", compressed, width),
        )
    matrices = (
        *query,
        *linear(f"{name}.kv_a_proj_with_mqa", hidden, rank + rope, bias, "replicated"),
        *norms((f"{name}.kv_a_layernorm",), rank),
        *linear(f"{name}.kv_b_proj", rank, queries * (nope + value)),
        *linear(f"{name}.o_proj", queries * value, hidden, switched(config, traits.out_bias)),
        *_indexer(config, f"{name}.indexer", compressed or hidden),
    )
    return matrices, LatentCache(rank + rope, rope, config.count("index_head_dim", default=0))


def _indexer(config: Config, name: str, inputs: int) -> tuple[Matrix, ...]:
    dim, heads, hidden = config.count("index_head_dim", default=0), config.count("index_n_heads", default=0), 0
    if not dim or not heads:
        return ()
    hidden = hidden_size(config)
    return (
        *linear(f"{name}.wq_b", inputs, heads * dim, split="replicated"),
        *linear(f"{name}.wk", hidden, dim, split="replicated"),
        *norms((f"{name}.k_norm",), dim, bias=True),
        Matrix(f"{name}.weights_proj", hidden, heads, split="replicated", linear=False),
    )
