"""The number of layers that config.json gives, for telling a model's own layers from those added for drafting."""

from collections.abc import Mapping
from typing import Any


def layer_count(config: Mapping[str, Any] | None) -> int | None:
    """num_hidden_layers of the language model; None where config.json does not say."""
    if config is None:
        return None
    text = config.get("text_config")
    for part in (text, config):
        layers = part.get("num_hidden_layers") if isinstance(part, Mapping) else None
        if isinstance(layers, int) and not isinstance(layers, bool) and layers > 0:
            return layers
    return None
