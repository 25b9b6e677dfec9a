"""What distinguishes the decoders that otherwise look like Llama."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix

Switch = bool | str
"""Fixed, or the key of config.json that tells."""


@dataclass(frozen=True)
class Kind:
    """What one layer is made of. Layers of one kind are the same object."""

    mixer: str = "attention"
    """attention, latent, a recurrent one (see recurrent.py), or none."""
    feed: str = "dense"
    """dense, experts, both, or none."""
    window: int | None = None
    """Tokens that attention looks back, None for all."""
    variant: str = ""
    """How it differs from other layers, in words of the architecture: "global", "shared", ..."""


@dataclass(frozen=True)
class Mixture:
    """Details of mixtures of experts. The sizes are read from config.json under all names that are in use."""

    router: str = "gate"
    shared: str = "shared_experts"
    shared_gate: bool = False
    correction: bool = False
    """A bias per expert that balances their load (DeepSeek V3)."""
    bias: bool = False
    """Router and experts have biases (GPT-OSS)."""


@dataclass(frozen=True)
class Traits:
    """One architecture. The defaults describe Llama."""

    qkv_bias: Switch = "attention_bias"
    out_bias: Switch = "attention_bias"
    mlp_bias: Switch = "mlp_bias"
    head_bias: Switch = False
    qk_norm: Literal["", "head", "full"] = ""
    """Norms of queries and keys: none, over one head, over all heads."""
    qk_norm_switch: Switch = True
    gate: Literal["", "query", "heads", "full"] = ""
    """Gate on what attention puts out: none, a second half of q_proj, a value per head, a value per element."""
    sinks: Literal["", "all", "local"] = ""
    """A learned attention sink per head: in no layer, in all, in those with a window."""
    gated: bool = True
    """Whether feed-forward layers have a gate projection."""
    norms: int = 2
    """Normalizations of a layer, as wide as the hidden state."""
    norm_bias: bool = False
    """Layer norms rather than RMS norms."""
    final_norm: bool = True
    mixer: str = "attention"
    """Kind.mixer of layers that attend."""
    state: str = ""
    """Kind.mixer of layers that keep a state instead; empty where all attend."""
    full_every: int = 0
    """Every n-th layer attends to all tokens where config.json does not tell which; 0: all have the same window."""
    local_heads: Callable[[Config], tuple[int, int]] | None = None
    """Query and key-value heads of layers with a window, where those differ."""
    attention_name: str = "self_attn"
    feed_name: str = "mlp"
    mixture: Mixture = field(default_factory=Mixture)
    kinds: Callable[[Config, "Traits", int], list[Kind]] | None = None
    """The kinds of all layers, where the usual keys do not tell."""
    inner: Callable[[Config], int] | None = None
    """Inner dimension of dense feed-forward layers, where it is not written down."""
    more: Callable[[Config, Kind], tuple[Matrix, ...]] | None = None
    """What a layer has besides."""
    embeddings: Callable[[Config], tuple[Matrix, ...]] | None = None
    """Embeddings besides that of tokens, and what belongs to them."""


def switched(config: Config, switch: Switch) -> bool:
    """Whether the trait is there."""
    return config.flag(switch) if isinstance(switch, str) else switch
