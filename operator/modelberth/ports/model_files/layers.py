"""The layers that config.json counts: the model's own, and those added for drafting (multi-token prediction)."""

from collections.abc import Iterator, Mapping
from typing import Any


def layer_count(config: Mapping[str, Any] | None) -> int | None:
    """num_hidden_layers of the language model; None where config.json does not say."""
    for part in _parts(config):
        layers = part.get("num_hidden_layers")
        if isinstance(layers, int) and not isinstance(layers, bool) and layers > 0:
            return layers
    return None


def has_drafter(config: Mapping[str, Any] | None) -> bool:
    """Whether the checkpoint is likely to hold layers for drafting.

    num_nextn_predict_layers (DeepSeek, GLM, MiMo, Ernie), mtp_num_hidden_layers (Qwen3.5), num_mtp_modules (MiniMax).
    Qwen3-Next has them (mtp.*) without a word of it in config.json.
    """
    return any(
        part.get("model_type") == "qwen3_next"
        or any(("mtp" in key or "nextn" in key) and isinstance(value, int) and value > 0 for key, value in part.items())
        for part in _parts(config)
    )


def _parts(config: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The language model's part of a multimodal config.json first."""
    if config is not None:
        text = config.get("text_config")
        if isinstance(text, Mapping):
            yield text
        yield config
