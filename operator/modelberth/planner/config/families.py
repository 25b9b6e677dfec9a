"""The architectures that are known, by model_type: each is a set of traits."""

from collections.abc import Callable
from dataclasses import replace

from modelberth.planner.config import layouts
from modelberth.planner.config.deepseek_v4 import DEEPSEEK_V4, GLM5_NEXT, hybrid_latent
from modelberth.planner.config.gemma import GEMMA3N, GEMMA4
from modelberth.planner.config.older import GPT2, bloom_norm, falcon, mpt, opt, stablelm
from modelberth.planner.config.qwen4 import QWEN4_EXP
from modelberth.planner.config.traits import Mixture, Traits
from modelberth.planner.config.values import Config

PLAIN = Traits(qkv_bias=False, out_bias=False, mlp_bias=False)
"""Llama without any bias."""
QWEN2 = replace(PLAIN, qkv_bias=True)
QWEN2_MOE = replace(PLAIN, qkv_bias="qkv_bias", mixture=Mixture(shared="shared_expert", shared_gate=True))
QWEN3 = replace(PLAIN, qkv_bias="attention_bias", out_bias="attention_bias", qk_norm="head")
QWEN3_5 = replace(QWEN3, gate="query", state="delta", mixture=QWEN2_MOE.mixture)
DEEPSEEK = replace(PLAIN, qkv_bias="attention_bias", out_bias="attention_bias", mixer="latent")
DEEPSEEK_V3 = replace(DEEPSEEK, mixture=Mixture(correction=True))
GEMMA2 = replace(PLAIN, qkv_bias="attention_bias", out_bias="attention_bias", norms=4, full_every=2)
GEMMA3 = replace(GEMMA2, qk_norm="head", full_every=6)
GRANITE = Traits(mixture=Mixture(router="router.layer", shared="shared_mlp"), feed_name="mlp")
GRANITE_MOE = replace(GRANITE, mlp_bias=False, feed_name="block_sparse_moe")
NEOX = replace(GPT2, qkv_bias="attention_bias", out_bias="attention_bias")
COHERE = Traits(mlp_bias=False, norms=1, qk_norm="full", qk_norm_switch="use_qk_norm")
OLMO2 = Traits(mlp_bias=False, qk_norm="full")
GLM4_MOE = replace(
    PLAIN, qkv_bias="attention_bias", qk_norm="head", qk_norm_switch="use_qk_norm", mixture=Mixture(correction=True)
)
JAMBA = replace(PLAIN, state="mamba", feed_name="feed_forward", mixture=Mixture(router="router"))
BAMBA = Traits(state="mamba2", feed_name="feed_forward")
MAMBA = replace(PLAIN, attention_name="mixer", norms=1)

FAMILIES: dict[str, Traits | Callable[[Config], Traits]] = {
    "llama": Traits(),
    "mistral": PLAIN,
    "ministral": PLAIN,
    "ministral3": PLAIN,
    "mixtral": replace(PLAIN, feed_name="block_sparse_moe"),
    "qwen2": QWEN2,
    "qwen2_vl": QWEN2,
    "qwen2_5_vl": QWEN2,
    "qwen2_5_omni": QWEN2,
    "qwen2_moe": QWEN2_MOE,
    "qwen3": QWEN3,
    "qwen3_moe": QWEN3,
    "qwen3_vl": QWEN3,
    "qwen3_vl_moe": QWEN3,
    "qwen3_omni_moe": QWEN3,
    "qwen3_next": QWEN3_5,
    "qwen3_5": QWEN3_5,
    "qwen3_5_moe": QWEN3_5,
    "qwen4_exp": QWEN4_EXP,
    "gemma": replace(GEMMA2, norms=2),
    "gemma2": GEMMA2,
    "gemma3": GEMMA3,
    "gemma3n": GEMMA3N,
    "gemma4": GEMMA4,
    "phi": replace(GPT2, norms=1, head_bias=True, qk_norm="head", qk_norm_switch="qk_layernorm"),
    "phi3": PLAIN,
    "phi3_v": PLAIN,
    "phimoe": Traits(
        norm_bias=True,
        head_bias="lm_head_bias",
        mlp_bias=False,
        feed_name="block_sparse_moe",
        mixture=Mixture(router="gate"),
    ),
    "deepseek_v2": DEEPSEEK,
    "deepseek_v3": DEEPSEEK_V3,
    "deepseek_v32": DEEPSEEK_V3,
    "kimi_k2": DEEPSEEK_V3,
    "kimi_k25": DEEPSEEK_V3,
    "deepseek_v4": DEEPSEEK_V4,
    "glm_moe_dsa": DEEPSEEK_V3,
    "glm4_moe_lite": DEEPSEEK_V3,
    "gpt_oss": replace(
        PLAIN,
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        sinks="all",
        full_every=2,
        mixture=Mixture(router="router", bias=True),
    ),
    "granite": GRANITE,
    "granitemoe": GRANITE_MOE,
    "granitemoeshared": GRANITE_MOE,
    "granitemoehybrid": replace(GRANITE_MOE, state="mamba2", kinds=layouts.granite_hybrid),
    "glm": replace(PLAIN, qkv_bias="attention_bias"),
    "glm4": replace(PLAIN, qkv_bias="attention_bias", norms=4),
    "glm4v": replace(PLAIN, qkv_bias="attention_bias", norms=4),
    "glm4_moe": GLM4_MOE,
    "glm4v_moe": GLM4_MOE,
    "glm5_next": GLM5_NEXT,
    "minimax_m2": replace(PLAIN, qk_norm="full", mixture=Mixture(correction=True)),
    "nemotron": Traits(norm_bias=True, gated=False),
    "nemotron_h": Traits(
        norms=1,
        gated=False,
        attention_name="mixer",
        feed_name="mixer",
        kinds=layouts.nemotron_hybrid,
        mixture=Mixture(correction=True),
    ),
    "jamba": JAMBA,
    "bamba": BAMBA,
    "falcon_h1": replace(BAMBA, norms=1, kinds=layouts.parallel_hybrid),
    "mamba": replace(MAMBA, kinds=layouts.only("mamba")),
    "mamba2": replace(MAMBA, kinds=layouts.only("mamba2")),
    "falcon_mamba": replace(MAMBA, kinds=layouts.only("mamba")),
    "opt": opt,
    "gptj": replace(GPT2, qkv_bias=False, out_bias=False, norms=1, head_bias=True),
    "bloom": replace(GPT2, embeddings=bloom_norm),
    "falcon": falcon,
    "mpt": mpt,
    "gpt2": replace(GPT2, embeddings=layouts.positions),
    "gpt_bigcode": replace(GPT2, embeddings=layouts.positions),
    "gpt_neox": NEOX,
    "stablelm": stablelm,
    "starcoder2": replace(GPT2, qkv_bias="use_bias", out_bias="use_bias", mlp_bias="use_bias"),
    "olmo": replace(PLAIN, norms=0, final_norm=False),
    "olmo2": OLMO2,
    "olmo3": replace(OLMO2, full_every=4),
    "olmoe": replace(OLMO2),
    "cohere": COHERE,
    "cohere2": replace(COHERE, full_every=4, qk_norm=""),
    "smollm3": Traits(),
    "seed_oss": replace(Traits(), out_bias="attention_out_bias"),
    "exaone4": replace(PLAIN, qk_norm="head"),
    "hunyuan_v1_dense": Traits(qk_norm="head", qk_norm_switch="use_qk_norm", mlp_bias=False),
    "hunyuan_v1_moe": Traits(
        qk_norm="head",
        qk_norm_switch="use_qk_norm",
        mlp_bias=False,
        mixture=Mixture(router="gate.wg", shared="shared_mlp"),
    ),
    "lfm2": replace(PLAIN, state="conv", qk_norm="head", feed_name="feed_forward", inner=layouts.lfm2_inner),
    "lfm2_moe": replace(
        PLAIN, state="conv", qk_norm="head", feed_name="feed_forward", mixture=Mixture(correction=True)
    ),
    "llama4": Traits(
        mlp_bias=False, full_every=4, feed_name="feed_forward", mixture=Mixture(router="router", shared="shared_expert")
    ),
    "ernie4_5": Traits(qkv_bias="use_bias", out_bias="use_bias", mlp_bias="use_bias"),
    "ernie4_5_moe": Traits(
        qkv_bias="use_bias", out_bias="use_bias", mlp_bias="use_bias", mixture=Mixture(correction=True)
    ),
    "dots1": Traits(qk_norm="head", mlp_bias=False, mixture=Mixture(correction=True)),
    "exaone_moe": replace(PLAIN, qk_norm="head", mixture=Mixture(correction=True)),
    "kimi_linear": replace(DEEPSEEK_V3, state="kda", kinds=hybrid_latent),
    "afmoe": Traits(
        mlp_bias=False,
        norms=4,
        qk_norm="head",
        gate="full",
        full_every=4,
        mixture=Mixture(router="router.gate", correction=True),
    ),
    "apertus": Traits(gated=False, qk_norm="head", more=layouts.activation_parameters),
    "arcee": Traits(gated=False),
    "cohere2_moe": replace(COHERE, full_every=4, qk_norm=""),
    "hy_v3": Traits(qk_norm="head", mixture=Mixture(correction=True)),
    "jais2": replace(GPT2, qkv_bias="attention_bias", out_bias="attention_bias", mlp_bias="mlp_bias"),
    "laguna": Traits(mlp_bias=False, qk_norm="head", gate="heads", mixture=Mixture(correction=True)),
    "longcat_flash": replace(
        DEEPSEEK_V3, kinds=layouts.two_in_one, mixture=Mixture(router="router.classifier", correction=True)
    ),
    "mimo_v2_flash": replace(
        PLAIN,
        qkv_bias="attention_bias",
        sinks="local",
        local_heads=layouts.doubled_local_heads,
        kinds=layouts.mimo,
        mixture=Mixture(correction=True),
    ),
    "minimax": replace(PLAIN, state="lightning", kinds=layouts.by_attention_list),
    "minimax_m3_vl": replace(PLAIN, qk_norm="head", mixture=Mixture(correction=True)),
    "mistral4": DEEPSEEK,
    "solar_open": GLM4_MOE,
    "step3p7": replace(
        PLAIN, qk_norm="head", gate="heads", local_heads=layouts.step_local_heads, mixture=Mixture(correction=True)
    ),
    "youtu": DEEPSEEK,
    # Their code is in their own repositories, not in transformers.
    "internlm2": Traits(qkv_bias="bias", out_bias="bias", mlp_bias=False),
    "internlm": Traits(qkv_bias="bias", out_bias="bias", mlp_bias=False),
    "internlm3": Traits(qkv_bias="qkv_bias", out_bias="bias", mlp_bias="bias"),
    "chatglm": replace(PLAIN, qkv_bias="add_qkv_bias", out_bias="add_bias_linear", mlp_bias="add_bias_linear"),
    "phi4mm": PLAIN,
    "minicpm": PLAIN,
    "minicpm3": DEEPSEEK,
    "baichuan": PLAIN,
    "exaone": PLAIN,
    "qwen": replace(QWEN2, inner=layouts.qwen1_inner),
    "bailing_moe": replace(PLAIN, qkv_bias="use_qkv_bias", out_bias="use_bias", mlp_bias="use_bias"),
    "bailing_moe_v2": replace(
        PLAIN,
        qkv_bias="use_qkv_bias",
        out_bias="use_bias",
        mlp_bias="use_bias",
        qk_norm="head",
        qk_norm_switch="use_qk_norm",
        mixture=Mixture(correction=True),
    ),
}


def traits_of(config: Config) -> Traits | None:
    """The traits of an architecture, None where it is unknown. Text sections of multimodal models end in _text."""
    name = config.model_type
    traits = FAMILIES.get(name) or FAMILIES.get(name.removesuffix("_text"))
    return traits(config) if callable(traits) else traits
