"""The Model behind a GGUF file: its caches and the bytes of its tensors, from nothing but the header."""

from functools import cache

from modelberth.planner.files import Gguf
from modelberth.planner.gguf_caches import OTHER_CACHES, caches
from modelberth.planner.gguf_keys import Keys
from modelberth.planner.model import AttentionCache, LatentCache, Layer, Matrix, Model, Scheme
from modelberth.planner.model import Cache as LayerCache

MAX_LAYERS = 4096

BYTES = Scheme("gguf", bits=8, scale_bits=0)
"""The header tells bytes of tensors: a matrix has an element for each byte."""


def model_of_gguf(gguf: Gguf) -> Model:
    """The model of a GGUF file. Never raises: what the header lacks is named in ``estimated``.

    Matrices are as long as their tensors have bytes (``BYTES``), so ``parameters`` are bytes too.
    """
    keys = Keys(gguf.metadata)
    blocks = min(keys.count("block_count") or len(gguf.layer_bytes), MAX_LAYERS)
    # Blocks that predict further tokens come last. llama.cpp leaves them out unless it is told to draft.
    drafters = min(keys.count("nextn_predict_layers"), blocks)
    layers = _layers(gguf, keys, blocks - drafters)
    return Model(
        architecture=keys.architecture,
        model_type=keys.architecture,
        hidden_size=keys.count("embedding_length"),
        vocab_size=keys.whole("tokenizer.ggml.tokens.length") or keys.count("vocab_size"),
        attention_heads=keys.first("attention.head_count"),
        kv_heads=_kv_heads(layers),
        max_len=keys.count("context_length") or None,
        layers=layers,
        embedding=_tensors("token_embd", gguf.embedding_bytes),
        head=_tensors("output", gguf.output_bytes),
        extra=_tensors("other", gguf.other_bytes),
        drafter=_tensors("nextn", sum(gguf.layer_bytes[blocks - drafters : blocks])),
        tied=gguf.output_bytes == 0,
        scheme=BYTES,
        dtype="float16",
        experts=keys.count("expert_count"),
        expert_inner_dim=keys.most("expert_feed_forward_length"),
        experts_per_token=keys.most("expert_used_count"),
        intermediate_size=keys.most("feed_forward_length"),
        estimated=_estimated(keys, blocks),
    )


def _layers(gguf: Gguf, keys: Keys, blocks: int) -> tuple[Layer, ...]:
    """A layer per block, and one more without tensors for a second cache of a block."""

    @cache
    def layer(size: int, kept: LayerCache | None) -> Layer:
        return Layer(_tensors("blk", size), kept)

    sizes = (*gguf.layer_bytes, *[0] * blocks)
    found = []
    for size, kept in zip(sizes, caches(keys, blocks), strict=False):
        found.append(layer(size, kept[0] if kept else None))
        found += [layer(0, further) for further in kept[1:]]
    return tuple(found)


def _tensors(name: str, size: int) -> tuple[Matrix, ...]:
    return (Matrix(name, inputs=1, outputs=size),) if size else ()


def _kv_heads(layers: tuple[Layer, ...]) -> int:
    kept = [layer.cache for layer in layers]
    heads = [one.kv_heads for one in kept if isinstance(one, AttentionCache)]
    return max(heads, default=1 if any(isinstance(one, LatentCache) for one in kept) else 0)


def _estimated(keys: Keys, blocks: int) -> tuple[str, ...]:
    if not keys.architecture or not blocks or not keys.count("embedding_length"):
        return ("the header of the GGUF file does not describe a model",)
    if keys.architecture in OTHER_CACHES:
        return (f"the KV cache of {keys.architecture} is counted as that of plain attention",)
    return ()
