"""Layers that keep a state per sequence: Mamba, gated delta nets, short convolutions.

Sizes of the states: vLLM, MambaStateShapeCalculator
(https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/layers/mamba/mamba_utils.py).
"""

from modelberth.planner.config.attention import Mixer, hidden_size
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.traits import Kind, Traits
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix, StateCache

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def state(config: Config, conv: int, ssm: int, always: int = 0) -> StateCache:
    """A state and the bytes of its elements; ``always`` is what all engines take where config.json does not tell."""
    told = BYTES.get(config.word("mamba_ssm_dtype", "mamba_ssm_cache_dtype"), always)
    return StateCache(conv, ssm, told or BYTES["bfloat16"], ssm_default=not told)


def mamba1(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Mamba (transformers, models/mamba and models/jamba)."""
    name, hidden = traits.attention_name, hidden_size(config)
    inner = _expanded(config)
    if kind.feed == "none":
        inner = config.size("intermediate_size", default=inner)
    states = config.size("state_size", "mamba_d_state", default=16)
    kernel = config.size("conv_kernel", "mamba_d_conv", default=4)
    rank = config.value("time_step_rank", "mamba_dt_rank")
    steps = -(-hidden // 16) if rank in (None, "auto") else config.size("time_step_rank", "mamba_dt_rank")
    projection = config.flag("use_bias", "mamba_proj_bias")
    inner_norms = (vector(f"{name}.dt_b_c_layernorm", steps + 2 * states),) if config.model_type == "jamba" else ()
    matrices = (
        vector(f"{name}.A_log", inner * states, split="tensor"),
        vector(f"{name}.D", inner, split="tensor"),
        *_convolution(name, inner, kernel, config.flag("use_conv_bias", "mamba_conv_bias", default=True)),
        *linear(f"{name}.in_proj", hidden, 2 * inner, projection),
        *linear(f"{name}.x_proj", inner, steps + 2 * states),
        *linear(f"{name}.dt_proj", steps, inner, bias=True),
        *linear(f"{name}.out_proj", inner, hidden, projection),
        *inner_norms,
    )
    return matrices, state(config, inner * (kernel - 1), inner * states)


def mamba2(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Mamba 2 (transformers, models/mamba2, models/bamba, models/nemotron_h)."""
    name, hidden = traits.attention_name, hidden_size(config)
    heads = config.size("mamba_num_heads", "mamba_n_heads", "num_heads")
    dim_keys = ("mamba_head_dim", "mamba_d_head") if config.has("mamba_head_dim", "mamba_d_head") else ("head_dim",)
    automatic = config.value(*dim_keys) == "auto"
    dim = max(_expanded(config) // heads, 1) if automatic else config.size(*dim_keys)
    inner = heads * dim
    groups = config.size("n_groups", "mamba_n_groups", default=1)
    states = config.size("ssm_state_size", "state_size", "mamba_d_state", default=128)
    kernel = config.size("conv_kernel", "mamba_d_conv", default=4)
    channels = inner + 2 * groups * states
    projection = config.flag("mamba_proj_bias", "use_bias")
    normed = config.flag("mamba_rms_norm", default=True)
    matrices = (
        *(vector(f"{name}.{each}", heads, split="tensor") for each in ("dt_bias", "A_log", "D")),
        *_convolution(name, channels, kernel, config.flag("use_conv_bias", "mamba_conv_bias", default=True)),
        *linear(f"{name}.in_proj", hidden, inner + channels + heads, projection),
        *((vector(f"{name}.norm", inner, split="tensor"),) if normed else ()),
        *linear(f"{name}.out_proj", inner, hidden, projection),
    )
    return matrices, state(config, channels * (kernel - 1), heads * dim * states)


def gated_delta_net(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Gated delta net (transformers, models/qwen3_next and models/qwen3_5, whose projections add up to the same)."""
    name, hidden = "linear_attn", hidden_size(config)
    keys, key_dim = config.size("linear_num_key_heads"), config.size("linear_key_head_dim")
    values, value_dim = config.size("linear_num_value_heads"), config.size("linear_value_head_dim")
    kernel = config.size("linear_conv_kernel_dim", default=4)
    inner, channels = values * value_dim, 2 * keys * key_dim + values * value_dim
    matrices = (
        *(vector(f"{name}.{each}", values, split="tensor") for each in ("dt_bias", "A_log")),
        *_convolution(name, channels, kernel, bias=False),
        *linear(f"{name}.in_proj_qkv", hidden, channels),
        *linear(f"{name}.in_proj_z", hidden, inner),
        *linear(f"{name}.in_proj_b", hidden, values),
        *linear(f"{name}.in_proj_a", hidden, values),
        vector(f"{name}.norm", value_dim),
        *linear(f"{name}.out_proj", inner, hidden),
    )
    return matrices, state(config, channels * (kernel - 1), values * value_dim * key_dim)


def delta_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Kimi delta attention (transformers, models/kimi_linear and models/glm5_next)."""
    name, hidden = traits.attention_name, hidden_size(config)
    section = config.section("linear_attn_config") or config
    heads = section.size("num_heads", "linear_num_heads", "linear_num_value_heads")
    dim = section.size("head_dim", "linear_head_dim", "linear_value_head_dim")
    kernel = section.size("short_conv_kernel_size", "linear_conv_kernel_dim", default=4)
    inner = heads * dim
    matrices = (
        *(matrix for each in ("q_proj", "k_proj", "v_proj") for matrix in linear(f"{name}.{each}", hidden, inner)),
        *_convolution(name, 3 * inner, kernel, bias=False),
        vector(f"{name}.dt_bias", inner, split="tensor"),
        vector(f"{name}.A_log", heads, split="tensor"),
        *linear(f"{name}.f_a_proj", hidden, dim, split="replicated"),
        *linear(f"{name}.f_b_proj", dim, inner),
        *linear(f"{name}.b_proj", hidden, heads),
        *linear(f"{name}.g_a_proj", hidden, dim, split="replicated"),
        *linear(f"{name}.g_b_proj", dim, inner),
        vector(f"{name}.o_norm", dim),
        *linear(f"{name}.o_proj", inner, hidden),
    )
    return matrices, state(config, 3 * inner * (kernel - 1), inner * dim, always=4)


def short_convolution(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Gated short convolution of LFM2 (transformers, models/lfm2). It has no other state than the convolution's."""
    hidden, kernel, bias = hidden_size(config), config.size("conv_L_cache", default=3), config.flag("conv_bias")
    matrices = (
        *_convolution("conv", hidden, kernel, bias),
        *linear("conv.in_proj", hidden, 3 * hidden, bias),
        *linear("conv.out_proj", hidden, hidden, bias),
    )
    return matrices, StateCache(hidden * (kernel - 1), 0)


def lightning_attention(config: Config, traits: Traits, kind: Kind) -> Mixer:
    """Lightning attention of MiniMax 01 (transformers, models/minimax)."""
    name, hidden = traits.attention_name, hidden_size(config)
    heads = config.size("num_attention_heads")
    dim = config.size("head_dim", default=max(hidden // heads, 1))
    inner = heads * dim
    matrices = (
        *norms((f"{name}.norm",), inner),
        *linear(f"{name}.qkv_proj", hidden, 3 * inner),
        *linear(f"{name}.out_proj", inner, hidden),
        *linear(f"{name}.output_gate", hidden, inner),
    )
    return matrices, state(config, 0, heads * dim * dim)


def _expanded(config: Config) -> int:
    return max(int(config.number("expand", "mamba_expand", default=2) * hidden_size(config)), 1)


def _convolution(name: str, channels: int, kernel: int, bias: bool) -> tuple[Matrix, ...]:
    return (vector(f"{name}.conv1d", channels * (kernel + bias), split="tensor"),)
