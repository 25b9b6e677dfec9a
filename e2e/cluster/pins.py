"""Reads pins.toml: which module, at which version, holds which program."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PINS = Path(__file__).with_name("pins.toml")


@dataclass(frozen=True)
class Toolchain:
    minimum: str
    wheel: str


@dataclass(frozen=True)
class Pin:
    """One Go module and the programs built from it."""

    name: str
    module: str
    version: str
    commands: dict[str, str]
    tags: tuple[str, ...] = ()
    stamp: tuple[str, ...] = ()
    staging: tuple[str, ...] = ()
    staging_version: str = ""
    replace: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Named by version, so that a new version is built beside the old one and never half replaces it."""
        return f"{self.name}-{self.version}"

    def go_mod(self, go: str) -> str:
        """A main module that needs nothing but this one; `go` is the language version to declare."""
        lines = ["module modelberth.dev/e2e/cluster", "", f"go {go}", "", f"require {self.module} {self.version}"]
        replaced = [f"k8s.io/{name} => k8s.io/{name} {self.staging_version}" for name in self.staging]
        replaced += self.replace
        if replaced:
            lines += ["", "replace (", *(f"\t{line}" for line in replaced), ")"]
        return "\n".join(lines) + "\n"

    def linker_flags(self) -> str:
        """No symbols (half the size), and the version where the program looks for it."""
        major, minor, *_ = self.version.lstrip("v").split(".")
        stamps = [text.format(version=self.version, major=major, minor=minor) for text in self.stamp]
        return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in stamps)])


@dataclass(frozen=True)
class Pins:
    toolchain: Toolchain
    modules: dict[str, Pin]

    def owner(self, command: str) -> Pin:
        """The module that `command` is built from. KeyError if none is."""
        for pin in self.modules.values():
            if command in pin.commands:
                return pin
        raise KeyError(command)


@cache
def pins() -> Pins:
    raw = tomllib.loads(PINS.read_text())
    go = raw.pop("go")

    def pin(name: str, fields: dict[str, object]) -> Pin:
        return Pin(name=name, **{key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()})  # type: ignore[arg-type]

    return Pins(Toolchain(**go), {name: pin(name, fields) for name, fields in raw.items()})
