"""What transformers assumes for keys that a config.json leaves out. The data is in defaults.json, with its source."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

_DEFAULTS: dict[str, dict[str, Any]] = json.loads((files(__package__) / "defaults.json").read_text())["defaults"]


def defaults_of(model_type: str) -> Mapping[str, Any]:
    """Keys and values of the config class of ``model_type``; empty where it is unknown."""
    return _DEFAULTS.get(model_type, {})
