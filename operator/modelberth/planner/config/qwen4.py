"""Qwen3.8-Flash-Next: Qwen3.5 with hyper-connections, n-gram embeddings and an indexer (transformers, qwen4_exp)."""

from modelberth.planner.config.attention import Mixer, grouped_attention, heads_of, hidden_size
from modelberth.planner.config.patterns import stateful_layers
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.traits import Kind, Mixture, Traits
from modelberth.planner.config.values import Config
from modelberth.planner.model import AttentionCache, Matrix


def kinds(config: Config, traits: Traits, layers: int) -> list[Kind]:
    """Every fourth layer attends; few layers, counted from 1, look up n-grams."""
    stateful = stateful_layers(config, layers)
    looking = frozenset(config.whole_numbers("ple_layer_ids"))
    return [
        Kind("delta" if stateful[index] else "indexed", "experts", variant="ngrams" if index + 1 in looking else "")
        for index in range(layers)
    ]


def indexed_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Gated attention with an indexer over groups of tokens."""
    matrices, cache = grouped_attention(config, traits, kind)
    dim = config.count("indexer_head_dim", default=0)
    if not dim or not isinstance(cache, AttentionCache):
        return matrices, cache
    rows = (config.size("indexer_n_heads") + config.size("indexer_kv_heads", default=1)) * dim
    heads, tokens = heads_of(config), config.size("indexer_compress_ratio", default=1)
    more = (
        *linear("self_attn.indexer.index_qk_proj", heads.hidden, rows, split="replicated"),
        *norms(("self_attn.indexer.layernorm",), 2 * dim),
    )
    return (*matrices, *more), AttentionCache(heads.kv, heads.dim, heads.dim, None, dim, tokens)


def around_layer(config: Config, kind: Kind) -> tuple[Matrix, ...]:
    """Gated residual streams before attention and experts, and the n-grams."""
    gates = tuple(
        part
        for name in ("attn_hyper_connection", "mlp_hyper_connection")
        for part in _gated_residual(config, name, True)
    )
    return (*gates, *(_ngrams(config) if kind.variant == "ngrams" else ()))


def _gated_residual(config: Config, name: str, combines: bool) -> tuple[Matrix, ...]:
    streams, rank = config.size("hc_count"), config.size("hc_lowrank")
    width = streams * hidden_size(config)
    inject = (Matrix(f"{name}.block_inject_weight", width, streams, split="replicated", linear=False),)
    return (
        *norms((f"{name}.hc_norm",), width),
        Matrix(f"{name}.input_mix_weight_down", width, rank, split="replicated", linear=False),
        Matrix(f"{name}.input_mix_weight_up", rank, width, split="replicated", linear=False),
        *(inject if combines else ()),
    )


def _ngrams(config: Config) -> tuple[Matrix, ...]:
    """A table per n-gram and head, each a little over ``ngram_vocab_size_base`` rows (the next primes)."""
    hidden, streams = hidden_size(config), config.size("hc_count")
    width, embedded = streams * hidden, config.size("ple_embed_dim", default=hidden)
    tables = max(config.size("ngram_size") - 1, 1) * config.size("heads_per_ngram")
    kernel = config.size("ple_conv_kernel_size")
    return (
        Matrix(
            "ple.ngram_embedding",
            max(embedded // tables, 1),
            config.size("ngram_vocab_size_base", maximum=1 << 30),
            tables,
            linear=False,
        ),
        *linear("ple.key_proj", embedded, width),
        *linear("ple.value_proj", embedded, hidden),
        vector("ple.norms", width * (3 + kernel)),
    )


def mixer(config: Config) -> tuple[Matrix, ...]:
    """What makes one stream of several before the head."""
    return _gated_residual(config, "hyper_connection_mixer", False)


QWEN4_EXP = Traits(
    mlp_bias=False,
    qk_norm="head",
    gate="query",
    norms=0,
    final_norm=False,
    kinds=kinds,
    more=around_layer,
    embeddings=mixer,
    mixture=Mixture(shared="shared_expert", shared_gate=True),
)
