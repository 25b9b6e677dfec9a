"""What multimodal models have beside the decoder, by model_type: towers, projectors."""

from collections.abc import Callable
from dataclasses import replace

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.gemma_towers import gemma3, gemma3n, gemma4
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.qwen_towers import qwen2_5_vl, qwen2_vl, qwen3_vl, qwen_omni
from modelberth.planner.config.towers import (
    Blocks,
    clip,
    depth_of,
    embedding,
    encoder,
    merged_patches,
    patches,
    plain,
    positions_of,
    tower,
    two_layers,
    unknown,
    vision_of,
    width_of,
)
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix

Extras = Callable[[Config, Config], tuple[Matrix, ...]]
"""From the section that holds vision_config, and that of the decoder."""


def llava(config: Config, text: Config) -> tuple[Matrix, ...]:
    """LLaVA: any tower and two layers (transformers, models/llava)."""
    vision, hidden = vision_of(config), hidden_size(text)
    return (*tower(vision), *two_layers("multi_modal_projector", width_of(vision), hidden, hidden))


def llava_next(config: Config, text: Config) -> tuple[Matrix, ...]:
    """LLaVA 1.6 adds an embedding for line breaks."""
    return (*llava(config, text), vector("image_newline", hidden_size(text)))


def mistral3(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Pixtral and a merger of patches (transformers, models/mistral3)."""
    vision, hidden = vision_of(config), hidden_size(text)
    width, merged = width_of(vision), config.size("spatial_merge_size", default=2) ** 2
    bias = config.flag("multimodal_projector_bias")
    return (
        *tower(vision),
        *norms(("multi_modal_projector.norm",), width),
        *linear("multi_modal_projector.patch_merger.merging_layer", width * merged, width),
        *linear("multi_modal_projector.linear_1", width, hidden, bias),
        *linear("multi_modal_projector.linear_2", hidden, hidden, bias),
    )


def glm4v(config: Config, text: Config) -> tuple[Matrix, ...]:
    """GLM-4.1V to 4.6V (transformers, models/glm4v)."""
    vision = vision_of(config)
    width, outputs = width_of(vision), vision.size("out_hidden_size")
    blocks = Blocks("visual.blocks", depth_of(vision), width, outputs, gated=True, norm_bias=False)
    bias = vision.flag("attention_bias")
    return (
        embedding("visual.embeddings.position_embedding", positions_of(vision), width),
        *encoder(replace(blocks, qkv_bias=bias, bias=False)),
        *norms(("visual.post_conv_layernorm",), width),
        *_glm_ends(vision, vision.size("intermediate_size")),
    )


def glm5_next(config: Config, text: Config) -> tuple[Matrix, ...]:
    """GLM-5.3-Flash (transformers, models/glm5_next)."""
    vision = vision_of(config)
    blocks = replace(plain("visual.blocks", vision), gated=True, norm_bias=False)
    head = width_of(vision) // vision.size("num_heads")
    return (
        *encoder(replace(blocks, vectors=2 * head)),
        *_glm_ends(vision, vision.size("projection_intermediate_size")),
    )


def _glm_ends(vision: Config, inner: int) -> tuple[Matrix, ...]:
    """What GLM has before and after the blocks."""
    width, outputs = width_of(vision), vision.size("out_hidden_size")
    return (
        *patches("visual", vision, bias=True, frames=vision.size("temporal_patch_size")),
        *norms(("visual.post_layernorm",), width),
        embedding("visual.downsample", width * merged_patches(vision) + 1, outputs),
        *linear("visual.merger.proj", outputs, outputs),
        *norms(("visual.merger.post_projection_norm",), outputs, bias=True),
        *(matrix for each in ("gate_proj", "up_proj") for matrix in linear(f"visual.merger.{each}", outputs, inner)),
        *linear("visual.merger.down_proj", inner, outputs),
    )


def kimi(config: Config, text: Config) -> tuple[Matrix, ...]:
    """MoonViT and a merger (transformers, models/kimi_k25)."""
    vision = vision_of(config)
    width = width_of(vision)
    merged, positions = width * 4, vision.size("init_pos_emb_height") * vision.size("init_pos_emb_width")
    return (
        *patches("vision_tower", vision, bias=True),
        embedding("vision_tower.pos_emb", positions, width),
        *encoder(plain("vision_tower.encoder.blocks", vision)),
        *norms(("vision_tower.final_layernorm", "mm_projector.pre_norm"), width, bias=True),
        *two_layers("mm_projector", merged, merged, hidden_size(text)),
    )


def llama4(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Llama 4 (transformers, models/llama4)."""
    vision = vision_of(config)
    width, outputs = width_of(vision), vision.size("vision_output_dim")
    shuffled = int(width / max(vision.number("pixel_shuffle_ratio", default=0.5), 0.01) ** 2)
    adapter = vision.size("projector_output_dim")
    return (
        *patches("vision_model", vision),
        embedding("vision_model.positional_embedding_vlm", positions_of(vision) + 2, width),
        *encoder(plain("vision_model.model.layers", vision)),
        *norms(("vision_model.layernorm_pre", "vision_model.layernorm_post"), width, bias=True),
        *linear("vision_model.vision_adapter.mlp.fc1", shuffled, vision.size("projector_input_dim")),
        *linear("vision_model.vision_adapter.mlp.fc2", vision.size("projector_input_dim"), adapter),
        *linear("multi_modal_projector.linear_1", outputs, hidden_size(text)),
    )


def internvl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """InternViT, in the names of OpenGVLab's own code or of transformers (models/internvl)."""
    vision, hidden = vision_of(config), hidden_size(text)
    width = width_of(vision)
    normed = vision.flag("qk_normalization", "use_qk_norm")
    layer_norms = vision.word("norm_type", default="layer_norm") == "layer_norm"
    blocks = replace(
        plain("vision_model.encoder.layers", vision),
        qkv_bias=vision.flag("qkv_bias", "attention_bias"),
        norm_bias=layer_norms,
        heads=vision.count("num_attention_heads", default=0),
        vectors=2 * width * (2 if normed else 1),
    )
    ratio = max(config.number("downsample_ratio", default=0.5), 0.01)
    merged = int(width / ratio**2)
    return (
        *patches("vision_model", vision, bias=True),
        embedding("vision_model.embeddings.position_embedding", positions_of(vision) + 2, width),
        *encoder(blocks),
        *norms(("mlp1.layer_norm",), merged, bias=True),
        *two_layers("mlp1", merged, hidden, hidden),
    )


def phi3_vision(config: Config, text: Config) -> tuple[Matrix, ...]:
    """CLIP ViT-L/14-336 and a projector (the model's own image_embedding_phi3_v.py); its sizes are fixed there."""
    record = {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "patch_size": 14,
        "image_size": 336,
    }
    hidden = hidden_size(text)
    return (
        *clip(Config(record)),
        vector("vision_embed_tokens.glb_GN", 2 * 4 * 1024),
        *two_layers("vision_embed_tokens.img_projection", 4 * 1024, hidden, hidden),
    )


def anything(config: Config, text: Config) -> tuple[Matrix, ...]:
    """A model of which only the tower's sizes are known."""
    vision = config.section("vision_config")
    return unknown(vision) if vision is not None else ()


EXTRAS: dict[str, Extras] = {
    "gemma3": gemma3,
    "gemma3n": gemma3n,
    "gemma4": gemma4,
    "glm46v": glm4v,
    "glm4v": glm4v,
    "glm4v_moe": glm4v,
    "glm5_next": glm5_next,
    "internvl": internvl,
    "internvl_chat": internvl,
    "kimi_k25": kimi,
    "kimi_vl": kimi,
    "llama4": llama4,
    "llava": llava,
    "llava_next": llava_next,
    "mistral3": mistral3,
    "phi3_v": phi3_vision,
    "qwen2_5_omni": qwen_omni,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen2_vl": qwen2_vl,
    "qwen3_5": qwen3_vl,
    "qwen3_5_moe": qwen3_vl,
    "qwen3_omni_moe": qwen_omni,
    "qwen3_vl": qwen3_vl,
    "qwen3_vl_moe": qwen3_vl,
    "qwen4_exp": qwen3_vl,
}
"""By model_type of config.json."""
