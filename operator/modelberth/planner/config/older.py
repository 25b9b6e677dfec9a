"""Architectures of 2019 to 2023 whose traits depend on their config."""

from dataclasses import replace

from modelberth.planner.config.attention import heads_of, hidden_size
from modelberth.planner.config.pieces import norms, vector
from modelberth.planner.config.traits import Kind, Traits
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix

GPT2 = Traits(qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True)


def falcon(config: Config) -> Traits:
    """Falcon (transformers, models/falcon): how many norms a layer has depends on three keys."""
    if config.flag("new_decoder_architecture"):
        count = config.size("num_ln_in_parallel_attn", default=2)
    else:
        count = 1 if config.flag("parallel_attn", default=True) else 2
    return replace(GPT2, qkv_bias="bias", out_bias="bias", mlp_bias="bias", norms=min(count, 2))


def stablelm(config: Config) -> Traits:
    """StableLM (transformers, models/stablelm)."""
    parallel = config.flag("use_parallel_residual")
    return Traits(
        qkv_bias="use_qkv_bias",
        out_bias=False,
        mlp_bias=False,
        norm_bias=True,
        norms=1 if parallel else 2,
        more=_stablelm_norms,
    )


def _stablelm_norms(config: Config, kind: Kind) -> tuple[Matrix, ...]:
    """Norms of queries and keys, with a weight for each head."""
    if not config.flag("qk_layernorm"):
        return ()
    heads = heads_of(config)
    return (vector("self_attn.qk_layernorm", (heads.queries + heads.kv) * heads.dim),)


def mpt(config: Config) -> Traits:
    """MPT (transformers, models/mpt): no bias anywhere, as published."""
    return replace(GPT2, qkv_bias=False, out_bias=False, mlp_bias=False, norm_bias=False)


def bloom_norm(config: Config) -> tuple[Matrix, ...]:
    """Bloom normalizes its embedding."""
    return norms(("word_embeddings_layernorm",), hidden_size(config), bias=True)


def opt(config: Config) -> Traits:
    """OPT (transformers, models/opt): the 350M model normalizes afterwards and embeds into half the width."""
    return replace(GPT2, final_norm=config.flag("do_layer_norm_before", default=True), embeddings=_opt_embeddings)


def _opt_embeddings(config: Config) -> tuple[Matrix, ...]:
    hidden = hidden_size(config)
    width = config.size("word_embed_proj_dim", default=hidden)
    projections = Matrix("project_in_out", hidden, width, 2, "replicated", linear=False)
    length = config.size("max_position_embeddings") + 2  # two positions are padding
    positions = Matrix("embed_positions", hidden, length, split="replicated", linear=False)
    return (positions, projections) if width != hidden else (positions,)
