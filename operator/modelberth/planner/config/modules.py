"""Which modules a quantization config names: whole names, prefixes, globs and regular expressions.

Lists run to thousands of entries, one per layer and projection, and come from anybody: everything here is linear.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from modelberth.planner.config.values import MAX_LAYERS

MAX_PATTERNS = 64
MAX_PIECES = 8
MAX_PATTERN = 500
MAX_ENTRIES = 1 << 16
_LAYER = re.compile(r"^(.*?\b(?:layers|blocks|block|layer|h)\.)(\d{1,5}|\{[\d,-]{1,4000}\})(?:\.(.*))?$")
_TOWERS = (
    "visual",
    "vision_tower",
    "vision_model",
    "vision_embed_tokens",
    "audio_tower",
    "multi_modal_projector",
    "mm_projector",
    "mlp1",
    "embed_vision",
    "embed_audio",
)
"""First parts of the names of modules outside of the decoder."""
_SYNONYMS = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "query_key_value": ("q_proj", "k_proj", "v_proj"),
    "c_attn": ("q_proj", "k_proj", "v_proj"),
    "W_pack": ("q_proj", "k_proj", "v_proj"),
    "wqkv": ("q_proj", "k_proj", "v_proj"),
    "wo": ("o_proj",),
    "dense": ("o_proj",),
    "out_proj": ("out_proj", "o_proj"),
    "fused_qkv_a_proj_with_mqa": ("q_a_proj", "kv_a_proj_with_mqa"),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "w1": ("gate_proj",),
    "w3": ("up_proj",),
    "w2": ("down_proj",),
    "fc1": ("up_proj",),
    "fc2": ("down_proj",),
    "in_proj_qkvz": ("in_proj_qkv", "in_proj_z"),
    "in_proj_ba": ("in_proj_b", "in_proj_a"),
}
"""Names of fused or differently named projections, and what they are called here."""

Matcher = Callable[[str], bool]


@dataclass
class Modules:
    """Modules that a list names. ``matches`` answers for one module of one layer."""

    everywhere: set[str] = field(default_factory=set)
    """Names without a layer: "lm_head", "mlp.gate", "visual"."""
    by_layer: dict[int, set[str]] = field(default_factory=dict)
    patterns: list[Matcher] = field(default_factory=list)
    numbered: bool = False
    """Patterns tell layers apart."""
    entries: int = 0
    """Pairs of layer and module so far."""
    unreadable: list[str] = field(default_factory=list)
    """Patterns that were not understood."""

    @classmethod
    def of(cls, names: Iterable[str]) -> "Modules":
        modules = cls()
        for name in dict.fromkeys(names):
            modules._add(name)
        return modules

    def _add(self, name: str) -> None:
        if name.startswith("re:") or "*" in name:
            self._add_pattern(name)
            return
        if len(name) > MAX_PATTERN or self.entries >= MAX_ENTRIES:
            return  # no model has such a module, nor so many
        layers, rest = split_layer(name)
        inner = without_numbers(rest)
        if inner is None:
            return
        if layers is None or name.removeprefix("model.").startswith(_TOWERS):
            self.everywhere.update(_renamed(_root(inner if layers is None else name)))
            return
        for layer in layers[: MAX_ENTRIES - self.entries]:
            self.by_layer.setdefault(layer, set()).update(_renamed(inner))
        self.entries += len(layers)

    def _add_pattern(self, name: str) -> None:
        readable = len(name) <= MAX_PATTERN and len(self.patterns) + len(self.unreadable) < MAX_PATTERNS
        compiled = (_regex(name[3:]) if name.startswith("re:") else _glob(name)) if readable else None
        if compiled is not None:
            self.patterns.append(compiled)
            self.numbered = self.numbered or bool(re.search(r"\d", re.sub(r"\[.*?\]|_\d|\d_", "", name)))
        elif len(self.unreadable) < MAX_PATTERNS:
            self.unreadable.append(name[:80])

    def signature(self, layer: int) -> object:
        """Layers with the same one are treated alike."""
        named = self.by_layer.get(layer)
        return (frozenset(named) if named else None, layer if self.numbered else None)

    def matches(self, module: str, layer: int | None = None) -> bool:
        """Whether the list names ``module``, of ``layer`` or outside of layers."""
        if layer is not None and _within(module, self.by_layer.get(layer, ())):
            return True
        if _within(module, self.everywhere):
            return True
        return bool(self.patterns) and any(matches(name) for name in _full(module, layer) for matches in self.patterns)

    def __bool__(self) -> bool:
        return bool(self.everywhere or self.by_layer or self.patterns)


def split_layer(name: str) -> tuple[list[int] | None, str]:
    """Numbers of the layers that a name belongs to (None: it has no layer), and the rest of the name."""
    found = _LAYER.match(name)
    if not found:
        return None, name
    return list(_numbers(found[2].strip("{}"))), found[3] or ""


def _numbers(text: str) -> Iterable[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            yield from range(int(first), min(int(last or first), MAX_LAYERS) + 1)


def without_numbers(inner: str) -> str | None:
    """The name without the index of an expert; None for experts but the first, who stand for all."""
    parts = inner.split(".")
    numbers = [part for part in parts if part.isdigit()]
    if any(int(number[:6]) > 0 for number in numbers):
        return None
    return ".".join(part for part in parts if not part.isdigit())


def _root(name: str) -> str:
    """Towers are quantized or not as a whole: the first part of the name stands for it."""
    plain = name.removeprefix("model.")
    return plain.split(".")[0] if plain.startswith(_TOWERS) else plain


def _renamed(inner: str) -> set[str]:
    head, dot, last = inner.rpartition(".")
    return {f"{head}{dot}{each}" for each in _SYNONYMS.get(last, (last,))} | {inner}


def _within(module: str, names: Iterable[str]) -> bool:
    """Whether one of ``names`` is the module, a part of its path, or "" (all of a layer)."""
    if not names:
        return False
    return any(not name or f".{name}." in f".{module}." for name in names)


def _full(module: str, layer: int | None) -> tuple[str, ...]:
    """Names that checkpoints may give to a module."""
    module = module.replace("experts.", "experts.0.")
    if layer is None:
        return (module, f"model.{module}", f"{module}.0")
    inner = f"layers.{layer}.{module}"
    return (f"model.{inner}", f"model.language_model.{inner}", f"language_model.model.{inner}", f"backbone.{inner}")


def _glob(pattern: str) -> Matcher | None:
    return _pieces([re.escape(piece) for piece in pattern.split("*")], open_end=False)


_WILD = re.compile(r"\.[*+]\??")
_UNSAFE = re.compile(r"(?<!\\)[*+{]|\(\?(?!:)")


def _regex(pattern: str) -> Matcher | None:
    """A regular expression that is literals, alternatives and wildcards; None for one that could be slow."""
    text = pattern.removeprefix("^")
    open_end = not text.endswith("$")
    text = text.removesuffix("$")
    alternatives = (text.count("|") + 1) ** min(text.count("("), 9)
    if alternatives > 10_000 or text.count("?") > 8:
        return None
    pieces = [re.sub(r"(?:\\d|\[0-9\])\+", r"\\d", piece) for piece in _WILD.split(text)]
    if any(_UNSAFE.search(piece) for piece in pieces):
        return None
    return _pieces([piece.replace(r"\d", r"\d{1,5}") for piece in pieces], open_end)


def _pieces(pieces: list[str], open_end: bool) -> Matcher | None:
    """Matches pieces one after the other with anything between: the leftmost match of each is as good as any."""
    if len(pieces) > MAX_PIECES:
        return None
    try:
        compiled = [re.compile(piece) for piece in pieces]
        last = re.compile(f"(?:{pieces[-1]})$")
    except (re.error, OverflowError):
        return None

    def matches(name: str) -> bool:
        first = (last if len(compiled) == 1 and not open_end else compiled[0]).match(name)
        if first is None or len(compiled) == 1:
            return first is not None
        at = first.end()
        for piece in compiled[1:-1]:
            found = piece.search(name, at)
            if found is None:
                return False
            at = found.end()
        return (compiled[-1] if open_end else last).search(name, at) is not None

    return matches


def compressed(names: Iterable[str]) -> list[str]:
    """The same modules in fewer words: one entry for all layers that have it ("model.layers.{0-2,60}.mlp.gate")."""
    found: dict[tuple[str, str], set[int]] = {}
    rest: dict[str, None] = {}
    for name in names:
        name = name[: MAX_PATTERN + 1]  # longer ones are not read anyway
        match = None if name.startswith("re:") or "*" in name or "{" in name else _LAYER.match(name)
        if match is None:
            rest[name] = None
            continue
        inner = without_numbers(match[3] or "")
        if inner is not None:
            found.setdefault((match[1], inner), set()).add(int(match[2]))
    layered = [f"{head}{{{_ranges(layers)}}}{'.' if inner else ''}{inner}" for (head, inner), layers in found.items()]
    return [*rest, *layered]


def _ranges(layers: set[int]) -> str:
    spans: list[list[int]] = []
    for layer in sorted(layers):
        if spans and spans[-1][1] == layer - 1:
            spans[-1][1] = layer
        else:
            spans.append([layer, layer])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
