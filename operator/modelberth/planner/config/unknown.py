"""Architectures that nobody described here yet: traits guessed from the keys that are there."""

from dataclasses import replace

from modelberth.planner.config.traits import Mixture, Traits
from modelberth.planner.config.values import Config

STATES = {
    "linear_num_value_heads": "delta",
    "mamba_num_heads": "mamba2",
    "mamba_n_heads": "mamba2",
    "mamba_d_state": "mamba",
    "conv_L_cache": "conv",
}
"""Keys that only layers with that kind of state need."""


def generic_traits(config: Config) -> Traits:
    """Llama with whatever else the keys tell."""
    state = next((state for key, state in STATES.items() if config.has(key)), "")
    return replace(
        Traits(),
        mixer="latent" if config.has("kv_lora_rank", "qk_nope_head_dim") and config.has("v_head_dim") else "attention",
        state=state,
        qk_norm="head" if config.value("use_qk_norm") is True else "",
        mixture=Mixture(correction=config.value("topk_method") == "noaux_tc"),
    )
