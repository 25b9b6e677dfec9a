"""What distinguishes the decoders that otherwise look like Llama."""

from dataclasses import dataclass
from typing import Literal

from modelberth.planner.config.values import Config

Switch = bool | str
"""Fixed, or the key of config.json that tells."""


@dataclass(frozen=True)
class Traits:
    """One architecture. The defaults describe Llama."""

    qkv_bias: Switch = "attention_bias"
    out_bias: Switch = "attention_bias"
    mlp_bias: Switch = "mlp_bias"
    head_bias: Switch = False
    qk_norm: Literal["", "head", "full"] = ""
    """Norms of queries and keys: none, over one head, over all heads."""
    gated: bool = True
    """Whether feed-forward layers have a gate projection."""
    norms: int = 2
    """Normalizations of a layer, as wide as the hidden state."""
    norm_bias: bool = False
    """Layer norms rather than RMS norms."""


def switched(config: Config, switch: Switch) -> bool:
    """Whether the trait is there."""
    return config.flag(switch) if isinstance(switch, str) else switch
