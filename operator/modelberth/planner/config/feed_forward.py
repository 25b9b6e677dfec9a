"""Feed-forward layers: dense ones and mixtures of experts."""

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.patterns import EXPERTS
from modelberth.planner.config.pieces import linear, vector
from modelberth.planner.config.traits import Kind, Traits, switched
from modelberth.planner.config.values import MAX_EXPERTS, Config
from modelberth.planner.model import Matrix


def inner_size(config: Config) -> int:
    """Inner dimension of dense layers; four times the hidden size where architectures leave it out."""
    keys = ("intermediate_size_mlp", "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size")
    return config.size(*keys, default=4 * hidden_size(config))


def expert_inner_size(config: Config) -> int:
    """Inner dimension of one expert."""
    return config.size("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size", "ffn_hidden_size")


def expert_count(config: Config) -> int:
    """Routed experts of a mixture, 0 for dense models."""
    return config.count(*EXPERTS, default=0, maximum=MAX_EXPERTS)


def dense(config: Config, traits: Traits, kind: Kind) -> tuple[Matrix, ...]:
    """A feed-forward layer with a gate, or without one."""
    return feed_forward(traits.feed_name, config, traits, (traits.inner or inner_size)(config))


def feed_forward(name: str, config: Config, traits: Traits, inner: int) -> tuple[Matrix, ...]:
    """A feed-forward layer of ``inner`` width."""
    hidden, bias = hidden_size(config), switched(config, traits.mlp_bias)
    gate = linear(f"{name}.gate_proj", hidden, inner, bias) if traits.gated else ()
    return (
        *gate,
        *linear(f"{name}.up_proj", hidden, inner, bias),
        *linear(f"{name}.down_proj", inner, hidden, bias),
    )


def experts(config: Config, traits: Traits, kind: Kind) -> tuple[Matrix, ...]:
    """Router, routed experts and shared ones."""
    name, mixture = traits.feed_name, traits.mixture
    hidden, count, inner = hidden_size(config), expert_count(config), expert_inner_size(config)
    width = config.size("moe_latent_size", default=hidden)
    projections = ("gate_proj", "up_proj") if traits.gated else ("up_proj",)
    rows = count + config.count("zero_expert_num", default=0, maximum=MAX_EXPERTS)  # LongCat's experts that do nothing
    matrices = [
        Matrix(f"{name}.{mixture.router}", hidden, rows, split="replicated", linear=False),
        *(Matrix(f"{name}.experts.{each}", width, inner, count, "experts") for each in projections),
        Matrix(f"{name}.experts.down_proj", inner, width, count, "experts"),
    ]
    if mixture.correction:
        matrices.append(vector(f"{name}.{mixture.router}.e_score_correction_bias", rows))
    if mixture.bias:
        matrices.append(vector(f"{name}.{mixture.router}.bias", count))
        matrices.extend(vector(f"{name}.experts.{each}_bias", inner, count, "experts") for each in projections)
        matrices.append(vector(f"{name}.experts.down_proj_bias", hidden, count))
    if width != hidden:
        matrices.extend(linear(f"{name}.fc1_latent_proj", hidden, width))
        matrices.extend(linear(f"{name}.fc2_latent_proj", width, hidden))
    return (*matrices, *shared_expert(config, traits))


def shared_expert(config: Config, traits: Traits) -> tuple[Matrix, ...]:
    """What every token passes through besides its experts."""
    inner = shared_inner_size(config)
    if not inner:
        return ()
    name = f"{traits.feed_name}.{traits.mixture.shared}"
    gate = Matrix(f"{name}_gate", hidden_size(config), 1, split="replicated", linear=False)
    return (*feed_forward(name, config, traits, inner), *((gate,) if traits.mixture.shared_gate else ()))


def shared_inner_size(config: Config) -> int:
    """Inner dimension of all shared experts together, 0 without any."""
    keys = (
        "shared_expert_intermediate_size",
        "shared_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "share_expert_dim",
    )
    if config.has(*keys):
        return config.count(*keys)
    counts = ("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts")
    count = config.count(*counts, default=0, maximum=MAX_EXPERTS)
    return count * expert_inner_size(config) if count else 0


def both(config: Config, traits: Traits, kind: Kind) -> tuple[Matrix, ...]:
    """A dense layer beside the experts."""
    return (*dense(config, traits, kind), *experts(config, traits, kind))
