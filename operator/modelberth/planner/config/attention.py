"""Softmax attention: grouped queries over full or sliding windows, and multi-head latent attention."""

from dataclasses import dataclass

from modelberth.planner.config.pieces import linear, norms
from modelberth.planner.config.traits import Traits, switched
from modelberth.planner.config.values import Config
from modelberth.planner.model import AttentionCache, Cache, Matrix


@dataclass(frozen=True)
class Heads:
    """Shape of grouped-query attention."""

    hidden: int
    queries: int
    kv: int
    dim: int


def heads_of(config: Config) -> Heads:
    """Numbers of heads and their size, under the names that architectures use."""
    hidden = config.size("hidden_size", "n_embd", "d_model")
    queries = config.size("num_attention_heads", "n_head", "n_heads", "num_heads")
    kv = config.size("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num", default=queries)
    dim = config.size("head_dim", "kv_channels", "hidden_size_per_head", default=max(hidden // queries, 1))
    return Heads(hidden, queries, kv, dim)


def grouped_attention(
    config: Config, traits: Traits, window: int | None = None
) -> tuple[tuple[Matrix, ...], Cache | None]:
    """Matrices and cache of one layer. ``window`` in tokens; None: all tokens are attended to."""
    heads = heads_of(config)
    bias, width = switched(config, traits.qkv_bias), heads.kv * heads.dim
    matrices = (
        *linear("self_attn.q_proj", heads.hidden, heads.queries * heads.dim, bias),
        *linear("self_attn.k_proj", heads.hidden, width, bias, "kv_heads"),
        *linear("self_attn.v_proj", heads.hidden, width, bias, "kv_heads"),
        *linear("self_attn.o_proj", heads.queries * heads.dim, heads.hidden, switched(config, traits.out_bias)),
        *_query_key_norms(heads, traits),
    )
    return matrices, AttentionCache(heads.kv, heads.dim, heads.dim, window)


def _query_key_norms(heads: Heads, traits: Traits) -> tuple[Matrix, ...]:
    if not traits.qk_norm:
        return ()
    whole = traits.qk_norm == "full"
    return (
        *norms(("self_attn.q_norm",), heads.dim * (heads.queries if whole else 1)),
        *norms(("self_attn.k_norm",), heads.dim * (heads.kv if whole else 1)),
    )
