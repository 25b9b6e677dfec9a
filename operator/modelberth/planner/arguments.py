"""What spec.engine.args and spec.engine.env tell the planner: flags that move memory, however they are written."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelberth.api.spec import EnvVar

_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)([kKmMgG]?)")
_FACTORS = {"": 1, "k": 10**3, "K": 2**10, "m": 10**6, "M": 2**20, "g": 10**9, "G": 2**30}
"""vLLM's human-readable integers: https://docs.vllm.ai/en/stable/configuration/engine_args/ (1k, 2K, 1M)."""


class Arguments:
    """Flags of the engine. The last one of a name wins, as argparse has it; values that are no value are left out."""

    def __init__(self, args: Sequence[str] = (), env: Sequence[EnvVar] = ()) -> None:
        self._flags = _flags(args)
        self._env = {variable.name: variable.value for variable in env if variable.value is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Every flag, with dashes instead of underscores."""
        return tuple(self._flags)

    def given(self, *names: str) -> bool:
        """Whether one of the flags is there and not switched off."""
        return any(self._flags.get(name, "false").lower() not in ("false", "0") for name in names)

    def word(self, *names: str) -> str | None:
        """Value of the first flag of ``names`` that is there."""
        return next((self._flags[name] for name in names if name in self._flags), None)

    def number(self, *names: str) -> float | None:
        """The same as a number from 0 on; None where it is none."""
        match = _NUMBER.fullmatch(self.word(*names) or "")
        return float(match[1]) * _FACTORS[match[2]] if match else None

    def count(self, *names: str) -> int | None:
        """The same as a whole number from 1 on."""
        number = self.number(*names)
        return int(number) if number is not None and number >= 1 else None

    def record(self, name: str) -> Mapping[str, Any]:
        """A flag whose value is JSON, with its dotted parts (``--compilation-config.level 0``) laid over it."""
        record = _json(self._flags.get(name, ""))
        for flag, value in self._flags.items():
            if flag.startswith(f"{name}."):
                record[flag.removeprefix(f"{name}.")] = _scalar(value)
        return record

    def variable(self, name: str) -> str | None:
        """Value of an environment variable."""
        return self._env.get(name)


def _flags(args: Sequence[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    waiting: str | None = None
    for arg in args:
        # "-O3" and "-O.level=3" are one-letter flags of vLLM; "-1" is a value.
        if arg.startswith("--") or (arg[:1] == "-" and arg[1:2].isalpha()):
            name, equals, value = arg.partition("=")
            flag, dot, rest = name.partition(".")
            waiting = flag.replace("_", "-") + dot + rest
            flags[waiting] = value if equals else "true"
        elif waiting is not None:
            # Flags that take several values (--cuda-graph-bs 1 2 4) keep all of them.
            flags[waiting] = arg if flags[waiting] == "true" else f"{flags[waiting]} {arg}"
    return flags


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return dict(value) if isinstance(value, dict) else {}


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
