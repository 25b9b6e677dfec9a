"""A model as the planner sees it: weight matrices and caches, layer by layer. Made from the model's own files."""

from dataclasses import dataclass, field
from typing import Literal

Split = Literal["tensor", "kv_heads", "experts", "replicated"]
"""How tensor parallelism cuts a matrix: evenly; by KV heads (copied when there are more GPUs than heads); experts (by
their inner dimension, or whole experts under expert parallelism); not at all."""


@dataclass(frozen=True)
class Scheme:
    """How the checkpoint stores its linear layers."""

    method: str = "none"
    """none, awq, gptq, fp8, bitsandbytes, compressed-tensors, mxfp4, nvfp4, gguf, ..."""
    bits: float = 16
    """Bits of one element of a linear layer."""
    group: int | None = None
    """Inputs that share a scale; None: one scale per output or per matrix. For fp8 blocks: the side of the block."""
    scale_bits: int = 16
    zeros: bool = False
    """Each group has a zero point of ``bits`` too."""
    block: bool = False
    """Scales are per ``group`` x ``group`` block (fp8 of DeepSeek and Qwen), not per row and group."""
    kept: tuple[str, ...] = ()
    """Names (or prefixes, or ``re:`` patterns) of linear layers that stay unquantized."""
    only_experts: bool = False
    """Only the experts are quantized (GPT-OSS's mxfp4)."""


@dataclass(frozen=True)
class Matrix:
    """A weight matrix of one layer, or ``count`` alike ones (experts). A vector (norm, bias) has ``inputs`` 1."""

    name: str
    """Module path inside the layer as checkpoints name it ("self_attn.q_proj"): quantization configs refer to it."""
    inputs: int
    """in_features: groups of quantization scales run along it."""
    outputs: int
    """out_features."""
    count: int = 1
    split: Split = "tensor"
    linear: bool = True
    """Whether quantization methods touch it: linear layers and experts, not embeddings, norms, biases, routers, nor
    what the checkpoint's quantization leaves out (Scheme.kept is applied already)."""
    scheme: Scheme | None = None
    """How this one is stored where the checkpoint mixes; None: as Model.scheme says."""

    @property
    def elements(self) -> int:
        return self.inputs * self.outputs * self.count


@dataclass(frozen=True)
class AttentionCache:
    """Keys and values of every token, or of the last ``window`` tokens."""

    kv_heads: int
    key_dim: int
    value_dim: int
    window: int | None = None
    index_dim: int = 0
    """Key of a sparse-attention indexer (Qwen3.8-Flash-Next), 0 without one: one for ``index_tokens`` tokens."""
    index_tokens: int = 1


@dataclass(frozen=True)
class LatentCache:
    """Multi-head latent attention (DeepSeek): one compressed vector per token, the same on every GPU."""

    dim: int
    """kv_lora_rank + qk_rope_head_dim."""
    rope_dim: int = 0
    """qk_rope_head_dim: an fp8 latent cache keeps this part in 16 bit."""
    index_dim: int = 0
    """Key of the sparse-attention indexer (DeepSeek V3.2 and later), 0 without one."""
    tokens: int = 1
    """Tokens that share one vector (DeepSeek V4 compresses 4 or 128 into one); 0: there are none but the window's."""
    index_tokens: int = 1
    """Tokens that share one key of the indexer."""
    window: int = 0
    """Last tokens of which a vector each is kept besides (DeepSeek V4)."""


@dataclass(frozen=True)
class StateCache:
    """Linear attention and Mamba: a state per sequence, however long it is. Elements over all heads."""

    conv_elements: int
    ssm_elements: int
    ssm_bytes: int = 4
    """Bytes of one element of the recurrent state."""
    ssm_default: bool = False
    """config.json does not tell the type of the recurrent state: ``ssm_bytes`` is what vLLM takes (the model's own
    type), SGLang takes float32."""


Cache = AttentionCache | LatentCache | StateCache


@dataclass(frozen=True)
class Layer:
    """One layer. Equal layers are the same object, so sums run over distinct ones."""

    matrices: tuple[Matrix, ...]
    cache: Cache | None
    """None: it reuses the cache of an earlier layer, or has none."""


@dataclass(frozen=True)
class Model:
    """Everything the planner knows of a model."""

    architecture: str
    """architectures[0] of config.json: LlamaForCausalLM."""
    model_type: str
    hidden_size: int
    vocab_size: int
    attention_heads: int
    kv_heads: int
    """Key-value heads of the widest layer; 1 for latent attention, 0 for a model without attention."""
    max_len: int | None
    """Longest sequence that the model was made for, in tokens; None where config.json does not say."""
    layers: tuple[Layer, ...]
    embedding: tuple[Matrix, ...]
    """Token (and position) embeddings, on the first pipeline stage."""
    head: tuple[Matrix, ...]
    """Final norm and output head, on the last stage; the head is missing where it is tied to the embedding."""
    extra: tuple[Matrix, ...] = ()
    """Vision and audio towers, projectors: on the first stage."""
    drafter: tuple[Matrix, ...] = ()
    """Multi-token-prediction layers: in the checkpoint, loaded only for speculative decoding."""
    tied: bool = False
    scheme: Scheme = Scheme()
    dtype: str = "bfloat16"
    """Of the checkpoint's unquantized tensors: float16, bfloat16 or float32."""
    experts: int = 0
    """Routed experts per mixture layer, 0 for dense models."""
    expert_inner_dim: int = 0
    """moe_intermediate_size."""
    experts_per_token: int = 0
    """Routed experts that a token goes through."""
    intermediate_size: int = 0
    """Widest inner dimension of a dense feed-forward layer; 0 where there is none."""
    multimodal: bool = False
    estimated: tuple[str, ...] = field(default=())
    """What had to be assumed, in words for people; empty where the files say everything."""

    @property
    def parameters(self) -> int:
        """Elements of all tensors, without drafters: the published parameter count."""
        layers = sum(matrix.elements for layer in self.layers for matrix in layer.matrices)
        rest = self.embedding + self.head + self.extra
        return layers + sum(matrix.elements for matrix in rest)
