"""What each layer of a GGUF model caches, by the rules of llama.cpp.

https://github.com/ggml-org/llama.cpp/blob/master/src/llama-hparams.cpp, for what differs between architectures
src/models/*.cpp (load_arch_hparams), and create_memory in src/llama-model.cpp.
"""

from dataclasses import dataclass

from modelberth.planner.gguf_keys import Keys
from modelberth.planner.model import AttentionCache, Cache, LatentCache, StateCache

STATE_BYTES = 4
"""Recurrent states and those of convolutions are float32."""

_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_LINEAR = {**dict.fromkeys(("qwen3next", "qwen35", "qwen35moe", "qwen4exp"), 4), "minimax-01": 8}
"""Linear attention but for each n-th layer, where full_attention_interval of the file says nothing else."""
_BOTH = frozenset({"falcon-h1"})
"""Attention and a state in the same block."""
_CACHED = {"gemma3n": 20}
"""Only so many layers have a cache, the others use theirs."""
OTHER_CACHES = frozenset({"deepseek4", "minimax-m3", "dots3note", "hy-v4", "glm5-next", "kimi-k3", "qwen4exp"})
"""Architectures with caches besides those that are counted here."""


@dataclass(frozen=True)
class _Windows:
    """Which layers see no more than a window."""

    period: int
    """Of so many layers one sees everything; 0: none does."""
    full_first: bool = False
    """It is the first of them, not the last."""
    default: int = 0
    """Tokens of the window where the file does not tell."""
    fixed: int = 0
    """Tokens of every window, whatever the file tells."""


_WINDOWS = {
    "afmoe": _Windows(4),
    "cohere2": _Windows(4),
    "cohere2moe": _Windows(4, full_first=True),
    "exaone-moe": _Windows(4),
    "exaone4": _Windows(4),
    "gemma2": _Windows(2, default=4096),
    "gemma3": _Windows(6),
    "gemma3n": _Windows(5),
    "gpt-oss": _Windows(2),
    "laguna": _Windows(4, full_first=True),
    "lfm2": _Windows(0),
    "llama4": _Windows(4, default=8192, fixed=8192),
    "mellum": _Windows(4),
    "muse-glimmer": _Windows(4),
    "olmo2": _Windows(4),
    "plamo3": _Windows(8),
    "smallthinker": _Windows(4, full_first=True, fixed=4096),
}
"""Windows are ignored in files of other architectures (llama, phi3, qwen2) that have no pattern of layers."""


def caches(keys: Keys, layers: int) -> list[list[Cache]]:
    """Caches of each of the first ``layers`` blocks: none, one, or two where a block has attention and a state."""
    attention, state = _attention(keys, layers), _state(keys)
    found: list[list[Cache]] = []
    for index, recurrent in enumerate(_recurrent(keys, layers)):
        own = attention[index]
        both = keys.architecture in _BOTH
        kept = [own if both or not recurrent else None, state if both or recurrent else None]
        found.append([cache for cache in kept if cache is not None])
    return found


def _attention(keys: Keys, layers: int) -> list[Cache | None]:
    heads = keys.first("attention.head_count")
    width = keys.count("embedding_length") // heads if heads else 0
    key = keys.count("attention.key_length") or width
    value = keys.count("attention.value_length") or width
    latent = keys.count("attention.key_length_mla") and keys.count("attention.value_length_mla")
    kv_heads = keys.per_layer("attention.head_count_kv", layers, default=heads)
    if latent:
        rope, indexer = keys.count("rope.dimension_count"), keys.count("attention.indexer.key_length")
        return [LatentCache(key * count, rope, indexer) if count else None for count in kv_heads]
    narrow_key = keys.count("attention.key_length_swa") or key
    narrow_value = keys.count("attention.value_length_swa") or value
    cached = _cached_layers(keys, layers)
    found: list[Cache | None] = []
    for index, (count, window) in enumerate(zip(kv_heads, _windows(keys, layers), strict=True)):
        if index >= cached or not count:
            found.append(None)
        elif window:
            found.append(AttentionCache(count, narrow_key, narrow_value, window))
        else:
            found.append(AttentionCache(count, key, value))
    return found


def _cached_layers(keys: Keys, layers: int) -> int:
    """Layers that have a cache of their own; they come first."""
    return _CACHED.get(keys.architecture, layers - keys.count("attention.shared_kv_layers"))


def _windows(keys: Keys, layers: int) -> list[int | None]:
    """Tokens that each layer sees; None: all."""
    name = "attention.sliding_window"
    known = _WINDOWS.get(keys.architecture, _Windows(1))
    window = keys.count(name) if keys.given(name) else known.default
    if not window:
        return [None] * layers
    window = known.fixed or window
    if keys.items(f"{name}_pattern") is not None:
        return [window if narrow else None for narrow in keys.per_layer(f"{name}_pattern", layers)]
    period = keys.count(f"{name}_pattern") if keys.architecture in _WINDOWS else 1
    period = period or known.period
    full = 0 if known.full_first else period - 1
    return [None if period and index % period == full else window for index in range(layers)]


def _recurrent(keys: Keys, layers: int) -> list[bool]:
    """Which layers have a state instead of keys and values."""
    if keys.architecture in _RECURRENT:
        return [True] * layers
    if keys.items("attention.recurrent_layers") is not None:
        return [bool(item) for item in keys.per_layer("attention.recurrent_layers", layers)]
    if keys.architecture in _LINEAR:
        interval = keys.count("full_attention_interval") or _LINEAR[keys.architecture]
        return [(index + 1) % interval != 0 for index in range(layers)]
    heads = keys.per_layer("attention.head_count_kv", layers, keys.first("attention.head_count"))
    # Blocks of Nemotron-H are attention, a state or a feed-forward layer, one of the three.
    inner = keys.items("feed_forward_length") if keys.architecture.startswith("nemotron_h") else None
    return [not heads[index] and not (inner and index < len(inner) and inner[index]) for index in range(layers)]


def _state(keys: Keys) -> StateCache | None:
    """State of one sequence in one layer (n_embd_r and n_embd_s)."""
    hidden, heads, taps = keys.count("embedding_length"), keys.first("attention.head_count"), _taps(keys)
    if head_size := keys.count("wkv.head_size"):
        return StateCache((keys.count("token_shift_count") or 2) * hidden, hidden * head_size, STATE_BYTES)
    if keys.count("shortconv.l_cache"):
        return StateCache(hidden * taps, 0, STATE_BYTES)
    if side := keys.count("kda.head_dim"):
        return StateCache(3 * taps * heads * side, side * side * heads, STATE_BYTES)
    inner, size = keys.count("ssm.inner_size"), keys.count("ssm.state_size")
    if not inner:
        return None
    return StateCache(taps * (inner + 2 * keys.count("ssm.group_count") * size), size * inner, STATE_BYTES)


def _taps(keys: Keys) -> int:
    """Inputs that a convolution remembers: all but the newest."""
    return max((keys.count("shortconv.l_cache") or keys.count("ssm.conv_kernel") or 4) - 1, 0)
