"""From a model's own files to the Model that the planner counts with."""

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.context import max_len_of
from modelberth.planner.config.decoder import decoder, vocabulary_size
from modelberth.planner.config.families import traits_of
from modelberth.planner.config.feed_forward import expert_count, expert_inner_size, inner_size
from modelberth.planner.config.multimodal import EXTRAS, anything
from modelberth.planner.config.quantization import scheme_of
from modelberth.planner.config.traits import Traits
from modelberth.planner.config.values import Config, ModelUnreadable
from modelberth.planner.files import ModelFiles
from modelberth.planner.model import AttentionCache, LatentCache, Layer, Model

__all__ = ["ModelUnreadable", "read_model"]

DTYPES = ("bfloat16", "float16", "float32")
EXPERTS_PER_TOKEN = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts")
TEXT_SECTIONS = ("text_config", "llm_config", "language_config")


def read_model(files: ModelFiles) -> Model:
    """The model that ``files`` describe.

    Raises ModelUnreadable where they name no model; the message names the key of config.json.
    """
    if files.config is None:
        raise ModelUnreadable("there is no config.json")
    return model_of(Config(files.config))


def model_of(config: Config) -> Model:
    """The model of config.json alone."""
    text = text_section(config)
    traits = traits_of(text)
    estimated = [] if traits else [f"the architecture {text.model_type or 'of config.json'} is not known"]
    traits = traits or Traits()
    tied = _tied(config, text)
    parts = decoder(text, traits, tied)
    extra = EXTRAS.get(config.model_type, anything)(config, text)
    if extra and config.model_type not in EXTRAS:
        estimated.append(f"the vision tower of {config.model_type or 'config.json'} is not known")
    architectures = config.words("architectures")
    mixture = expert_count(text)
    return Model(
        architecture=architectures[0] if architectures else "",
        model_type=config.model_type,
        hidden_size=hidden_size(text),
        vocab_size=vocabulary_size(text),
        attention_heads=text.count("num_attention_heads", "n_head", "n_heads", default=0),
        kv_heads=_kv_heads(parts.layers),
        max_len=max_len_of(text),
        layers=parts.layers,
        embedding=parts.embedding,
        head=parts.head,
        extra=extra,
        tied=tied,
        scheme=scheme_of(config),
        dtype=_dtype(config, text),
        experts=mixture,
        expert_inner_dim=expert_inner_size(text) if mixture else 0,
        experts_per_token=min(text.count(*EXPERTS_PER_TOKEN, default=2), mixture),
        intermediate_size=(traits.inner or inner_size)(text),
        multimodal=bool(extra),
        estimated=tuple(estimated),
    )


def text_section(config: Config) -> Config:
    """Where the decoder is described: a section of multimodal models, else config.json itself."""
    thinker = config.section("thinker_config") or config
    return thinker.section(*TEXT_SECTIONS) or thinker


def _tied(config: Config, text: Config) -> bool:
    """The text section has the last word, as in vLLM, but many leave it to the top."""
    key = "tie_word_embeddings"
    if text is not config and not text.names(key) and config.names(key):
        return config.flag(key)
    return text.flag(key)


def _dtype(config: Config, text: Config) -> str:
    dtype = text.word("torch_dtype", "dtype") or config.word("torch_dtype", "dtype")
    dtype = dtype.removeprefix("torch.")
    return dtype if dtype in DTYPES else "bfloat16"


def _kv_heads(layers: tuple[Layer, ...]) -> int:
    caches = [layer.cache for layer in {id(layer): layer for layer in layers}.values()]
    heads = [cache.kv_heads for cache in caches if isinstance(cache, AttentionCache)]
    return max(heads, default=1 if any(isinstance(cache, LatentCache) for cache in caches) else 0)
