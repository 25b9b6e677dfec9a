"""Feed-forward layers: dense ones and mixtures of experts."""

from modelberth.planner.config.pieces import linear
from modelberth.planner.config.traits import Traits, switched
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix


def inner_size(config: Config) -> int:
    """Inner dimension of dense layers; four times the hidden size where architectures leave it out."""
    hidden = config.size("hidden_size", "n_embd", "d_model")
    return config.size("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", default=4 * hidden)


def dense(config: Config, traits: Traits) -> tuple[Matrix, ...]:
    """A feed-forward layer with a gate, or without one."""
    return feed_forward("mlp", config, traits, inner_size(config))


def feed_forward(name: str, config: Config, traits: Traits, inner: int) -> tuple[Matrix, ...]:
    hidden = config.size("hidden_size", "n_embd", "d_model")
    bias = switched(config, traits.mlp_bias)
    gate = linear(f"{name}.gate_proj", hidden, inner, bias) if traits.gated else ()
    return (
        *gate,
        *linear(f"{name}.up_proj", hidden, inner, bias),
        *linear(f"{name}.down_proj", inner, hidden, bias),
    )
