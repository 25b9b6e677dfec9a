"""llama.cpp's buffers: the KV cache to the byte, compute buffers nearly so."""

from dataclasses import dataclass

from modelberth.planner.budgets.budget import Situation
from modelberth.planner.gguf_keys import Keys
from modelberth.planner.model import AttentionCache, Cache, LatentCache, StateCache

SLOTS = 4
"""Where maxNumSeqs is not set: what the operator starts llama-server with, which would count on its own."""
DEFAULT_MICRO_BATCH = 512
"""--ubatch-size: tokens of a prompt that are computed together."""
_CELLS = 256
"""Cells of a cache come in multiples of it: https://github.com/ggml-org/llama.cpp/issues/17037."""

_UNIFIED_SINCE = (7400,)
"""From here on the operator asks for one pool of the model's whole context where maxModelLen is not set."""
_OLD_CONTEXT = 4096
"""Tokens of all slots together, which builds before take by themselves."""
_WINDOWS_SINCE = (5440,)
"""Small caches for windows: https://github.com/ggml-org/llama.cpp/pull/13194."""
_FLASH_SINCE = (6325,)
"""Flash attention wherever it works: https://github.com/ggml-org/llama.cpp/pull/15434."""
_LATENT_KEYS_SINCE = (7900,)
"""No values beside latent keys: https://github.com/ggml-org/llama.cpp/pull/19067."""
_FEW_LOGITS_SINCE = (9500,)
"""Logits of one token per slot, not of every token: https://github.com/ggml-org/llama.cpp/pull/23861."""

_PIPELINE_COPIES = 4
"""Inputs are there so often where layers are dealt out to several GPUs (GGML_SCHED_MAX_COPIES)."""
_FLOAT = 4

_VALUE_BYTES = {
    **dict.fromkeys(("auto", "f16", "half", "bf16", "bfloat16"), 2.0),
    **dict.fromkeys(("f32", "float32"), 4.0),
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    **dict.fromkeys(("q4_0", "iq4_nl"), 18 / 32),
}
"""Bytes of a cached value; quantized types are blocks of 32 with their scale.
https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h"""


@dataclass(frozen=True)
class Context:
    """How llama-server deals out its context."""

    cells: int
    """Tokens of each stream."""
    streams: int
    """1 where slots share a pool, else one per slot."""
    slots: int
    micro_batch: int
    flash_attention: bool


def context_of(situation: Situation) -> Context:
    """As llama_context and llama-server compute it from -c, -np and --kv-unified."""
    spec, arguments = situation.spec, situation.arguments
    slots = spec.max_num_seqs or SLOTS
    pooled = spec.max_model_len is None and situation.version >= _UNIFIED_SINCE
    if spec.max_model_len is not None:
        total = spec.max_model_len * slots
    else:
        total = situation.max_model_len if pooled else _OLD_CONTEXT
    unified = pooled or arguments.given("--kv-unified", "-kvu")
    flash = arguments.word("--flash-attn", "-fa")
    return Context(
        cells=_padded(total) if unified else _padded(max(_padded(total) // slots, 1)),
        streams=1 if unified else slots,
        slots=slots,
        micro_batch=arguments.count("--ubatch-size", "-ub") or DEFAULT_MICRO_BATCH,
        flash_attention=flash not in ("off", "0") if flash else situation.version >= _FLASH_SINCE,
    )


def gpu_caches(situation: Situation, context: Context, gpu: int, gpus: int) -> int:
    """Bytes of KV cache and recurrent states that one GPU of a replica holds.

    Layers are dealt out evenly, and the output head is one of them. The cache of a layer is where the layer is, in
    split mode row too: it shares out the matrices only (get_layer_buft_list in llama-model.cpp).
    """
    layers = situation.model.layers
    shares = len(layers) + 1
    return sum(
        cache_bytes(layer.cache, situation, context)
        for index, layer in enumerate(layers)
        if index * gpus // shares == gpu
    )


def cache_bytes(cache: Cache | None, situation: Situation, context: Context) -> int:
    """Bytes of one layer's cache, all slots together."""
    size = _VALUE_BYTES.get(situation.spec.kv_cache_dtype, 2.0)
    match cache:
        case AttentionCache():
            cells = _cells(cache.window, situation, context) * context.streams
            return cells * int(cache.kv_heads * (cache.key_dim + cache.value_dim) * size)
        case LatentCache():
            values = 0 if situation.version >= _LATENT_KEYS_SINCE else cache.dim - cache.rope_dim
            return context.cells * context.streams * int((cache.dim + values + cache.index_dim) * size)
        case StateCache():
            return (cache.conv_elements + cache.ssm_elements) * _FLOAT * context.slots
        case None:
            return 0


def _cells(window: int | None, situation: Situation, context: Context) -> int:
    """Tokens of a stream that a layer keeps: a window needs no more than itself and what is computed at once.

    https://github.com/ggml-org/llama.cpp/blob/master/src/llama-kv-cache-iswa.cpp
    """
    if window is None or situation.version < _WINDOWS_SINCE or situation.arguments.given("--swa-full"):
        return context.cells
    sequences = context.slots // context.streams
    return _padded(min(context.cells, window * sequences + context.micro_batch))


def compute_bytes(situation: Situation, context: Context) -> int:
    """The compute buffer: tensors of the widest layer that are alive together with its masks, or the logits.

    Counted in the buffers that b11669 reports for ten public models (docs/design/0008-planner.md): within 1 % for
    dense ones, up to 16 % more than it takes for mixtures of experts. Before flash attention, scores of all heads.
    """
    model, batch = situation.model, context.micro_batch
    hidden = batch * model.hidden_size * _FLOAT
    masks = _mask_bytes(situation, context)
    outputs = context.slots if situation.version >= _FEW_LOGITS_SINCE else batch
    logits = outputs * model.vocab_size * _FLOAT + hidden
    if context.flash_attention:
        return max(logits, _layer_bytes(situation, hidden, batch) + masks)
    scores = model.attention_heads * context.cells * batch * _FLOAT
    return max(logits, _layer_bytes(situation, hidden, batch) + masks, scores + masks + 4 * hidden)


def _layer_bytes(situation: Situation, hidden: int, batch: int) -> int:
    model = situation.model
    inner = max(model.intermediate_size, 2 * _state_width(situation)) * batch * _FLOAT
    experts = model.experts_per_token * (hidden + model.expert_inner_dim * batch * _FLOAT)
    return max(3 * inner + 5 * hidden, 2 * experts + hidden if model.experts else 0)


def _state_width(situation: Situation) -> int:
    gguf = situation.files.gguf
    return Keys(gguf.metadata).count("ssm.inner_size") if gguf else 0


def _mask_bytes(situation: Situation, context: Context) -> int:
    """Which cells each token of a micro batch may see, in 16 bit: a mask for windows and one for everything else."""
    caches = {layer.cache for layer in situation.model.layers}
    windows = {cache.window if isinstance(cache, AttentionCache) else None for cache in caches if _attends(cache)}
    cells = sum(_cells(window, situation, context) for window in windows)
    dealt_out = situation.spec.parallelism.pipeline > 1 and situation.spec.device == "GPU"
    return cells * context.micro_batch * 2 * (_PIPELINE_COPIES if dealt_out else 1)


def _attends(cache: Cache | None) -> bool:
    return isinstance(cache, AttentionCache | LatentCache)


def _padded(cells: int) -> int:
    return -(-cells // _CELLS) * _CELLS
