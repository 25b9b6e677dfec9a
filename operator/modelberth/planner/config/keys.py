"""What of config.json travels: only the keys that are read."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from modelberth.planner.config.quantization import smaller
from modelberth.planner.config.reading import model_of
from modelberth.planner.config.values import Config, ModelUnreadable


def prune(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``config`` that read_model looks at: it reads the same model from it."""
    try:
        reader = Config(config)
    except ModelUnreadable:
        return {"model_type": config["model_type"]}  # all that was read
    with suppress(ModelUnreadable):  # it is unreadable again where it arrives, for the same reason
        model_of(reader)
    return _smaller(reader.used())


def _smaller(config: dict[str, Any]) -> dict[str, Any]:
    for key in ("quantization_config", "compression_config"):
        if key in config:
            config[key] = smaller(config[key])
    for key in ("text_config", "llm_config"):
        if isinstance(config.get(key), dict):
            config[key] = _smaller(config[key])
    return config
