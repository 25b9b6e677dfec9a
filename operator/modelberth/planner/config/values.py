"""Values of config.json: typed, bounded and remembered, because anybody can put anything into that file."""

from collections.abc import Mapping
from typing import Any

from modelberth.planner.config.defaults import defaults_of

MAX_DIMENSION = 1 << 24
"""Largest dimension, vocabulary or context that is believed."""
MAX_LAYERS = 4096
MAX_EXPERTS = 1 << 16
MAX_ITEMS = 1 << 14
"""Longest list that is read: layer_types has an entry per layer, lists of unquantized modules a few per layer."""
MAX_KEYS = 1 << 17
"""Keys of the largest object that is read: ModelOpt lists every expert of every layer."""
MAX_SECTIONS = 64


class ModelUnreadable(ValueError):  # noqa: N818 - named for what happened, like the other refusals
    """config.json names no model that can be planned; the message names the key."""


class Config:
    """config.json or one of its sections. Keys in a group are names that architectures give to the same thing.

    A key that is absent takes the default of its model_type in transformers, because published files leave defaults
    out; null means "none", never the default.
    """

    def __init__(self, record: Mapping[str, Any], place: str = "", path: str = "") -> None:
        """``place`` names the section by the model_type around it ("qwen3_vl.vision_config")."""
        self._record = record
        self._path = path
        self._read: set[str] = set()
        self._sections: dict[str, Config] = {}
        self._defaults = defaults_of(place)
        self.model_type = self.word("model_type")
        if set(self._defaults) <= {"model_type"}:
            self._defaults = defaults_of(self.model_type)

    def value(self, *keys: str) -> Any:
        """The first of ``keys`` that is there; None where none is."""
        self._read.update(keys)
        for key in keys:
            if self._record.get(key) is not None:
                return self._record[key]
        for key in keys:
            if key not in self._record and key in self._defaults:
                return self._defaults[key]
        return None

    def names(self, key: str) -> bool:
        """Whether the file itself has the key."""
        self._read.add(key)
        return self._record.get(key) is not None

    def has(self, *keys: str) -> bool:
        return self.value(*keys) is not None

    def count(self, *keys: str, default: int | None = None, maximum: int = MAX_DIMENSION) -> int:
        """A whole number from 0 on. Raises ModelUnreadable where it is none, or absent without a ``default``."""
        value = self.value(*keys)
        if value is None:
            if default is None:
                raise ModelUnreadable(f"config.json: {self._path}{keys[0]} is missing")
            return default
        if isinstance(value, list) and value and len(set(map(repr, value[:MAX_LAYERS]))) == 1:
            value = value[0]  # Hunyuan tells sizes once per layer
        if not _is_number(value) or not 0 <= value <= maximum or value != int(value):
            raise self.wrong(keys, f"is not a whole number from 0 to {maximum}")
        return int(value)

    def size(self, *keys: str, default: int | None = None, maximum: int = MAX_DIMENSION) -> int:
        """Like ``count``, from 1 on."""
        value = self.count(*keys, default=default, maximum=maximum)
        if value < 1:
            raise self.wrong(keys, "is not positive")
        return value

    def number(self, *keys: str, default: float) -> float:
        """A finite number from 0 on."""
        value = self.value(*keys)
        if value is None:
            return default
        if not _is_number(value) or not 0 <= value <= MAX_DIMENSION:
            raise self.wrong(keys, "is not a number")
        return float(value)

    def flag(self, *keys: str, default: bool = False) -> bool:
        value = self.value(*keys)
        if value is None:
            return default
        if not isinstance(value, bool | int):
            raise self.wrong(keys, "is neither true nor false")
        return bool(value)

    def word(self, *keys: str, default: str = "") -> str:
        value = self.value(*keys)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(keys, "is not a string")
        return value

    def items(self, *keys: str) -> list[Any]:
        """A list, empty where the key is absent."""
        value = self.value(*keys)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
            raise self.wrong(keys, f"is not a list of at most {MAX_ITEMS}")
        return list(value)

    def words(self, *keys: str) -> list[str]:
        items = self.items(*keys)
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(keys, "is not a list of strings")
        return items

    def whole_numbers(self, *keys: str) -> list[int]:
        items = self.items(*keys)
        if not all(isinstance(item, int) for item in items):
            raise self.wrong(keys, "is not a list of whole numbers")
        return items

    def section(self, *keys: str) -> "Config | None":
        """An object inside."""
        self._read.update(keys)
        for key in keys:
            value = self._record.get(key)
            if value is None:
                continue
            if key not in self._sections:
                if not isinstance(value, Mapping):
                    raise self.wrong((key,), "is not an object")
                self._sections[key] = Config(value, f"{self.model_type}.{key}", f"{self._path}{key}.")
            return self._sections[key]
        return None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """An object of many keys, empty where it is absent."""
        value = self.value(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or len(value) > MAX_KEYS:
            raise self.wrong((key,), f"is not an object of at most {MAX_KEYS} keys")
        return value

    def all_sections(self) -> "list[Config]":
        """The objects inside, under whatever keys (at most MAX_SECTIONS)."""
        keys = [key for key, value in self._record.items() if isinstance(value, Mapping)]
        return [section for key in keys[:MAX_SECTIONS] if (section := self.section(key)) is not None]

    def absent(self, key: str) -> "Config":
        """A section that the file leaves out: all its values are defaults."""
        return Config({}, f"{self.model_type}.{key}", f"{self._path}{key}.")

    def wrong(self, keys: tuple[str, ...], what: str) -> ModelUnreadable:
        """The error for a value of ``keys``."""
        key = next((key for key in keys if self._record.get(key) is not None), keys[0])
        return ModelUnreadable(f"config.json: {self._path}{key} {what}: {_short(self._record.get(key))}")

    def used(self) -> dict[str, Any]:
        """The part of the object that was read so far."""
        return {key: self._part(key) for key in self._record if key in self._read}

    def _part(self, key: str) -> Any:
        section = self._sections.get(key)
        return section.used() if section is not None else self._record[key]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple | Mapping):
        return "an object" if isinstance(value, Mapping) else "a list"
    if isinstance(value, int) and abs(value) > MAX_DIMENSION:
        return "a huge number"
    return repr(value)[:40]
