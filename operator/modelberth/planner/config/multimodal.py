"""What multimodal models have beside the decoder, by model_type: towers, projectors."""

from collections.abc import Callable
from dataclasses import replace

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.audio import conformer, whisper
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.towers import (
    Blocks,
    channels_of,
    clip,
    depth_of,
    embedding,
    encoder,
    patch_side,
    patches,
    plain,
    positions_of,
    tower,
    two_layers,
    unknown,
    width_of,
)
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix

Extras = Callable[[Config, Config], tuple[Matrix, ...]]
"""From the section that holds vision_config, and that of the decoder."""


def _vision(config: Config) -> Config:
    return config.section("vision_config") or config.absent("vision_config")


def llava(config: Config, text: Config) -> tuple[Matrix, ...]:
    """LLaVA: any tower and two layers (transformers, models/llava)."""
    vision, hidden = _vision(config), hidden_size(text)
    return (*tower(vision), *two_layers("multi_modal_projector", width_of(vision), hidden, hidden))


def llava_next(config: Config, text: Config) -> tuple[Matrix, ...]:
    """LLaVA 1.6 adds an embedding for line breaks."""
    return (*llava(config, text), vector("image_newline", hidden_size(text)))


def mistral3(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Pixtral and a merger of patches (transformers, models/mistral3)."""
    vision, hidden = _vision(config), hidden_size(text)
    width, merged = width_of(vision), config.size("spatial_merge_size", default=2) ** 2
    bias = config.flag("multimodal_projector_bias")
    return (
        *tower(vision),
        *norms(("multi_modal_projector.norm",), width),
        *linear("multi_modal_projector.patch_merger.merging_layer", width * merged, width),
        *linear("multi_modal_projector.linear_1", width, hidden, bias),
        *linear("multi_modal_projector.linear_2", hidden, hidden, bias),
    )


def gemma3(config: Config, text: Config) -> tuple[Matrix, ...]:
    """SigLIP and one projection (transformers, models/gemma3)."""
    vision = _vision(config)
    width = width_of(vision)
    projection = embedding("multi_modal_projector.mm_input_projection_weight", width, hidden_size(text))
    return (*tower(vision), projection, *norms(("multi_modal_projector.mm_soft_emb_norm",), width))


def gemma3n(config: Config, text: Config) -> tuple[Matrix, ...]:
    """MobileNet V5 and a conformer (transformers, models/gemma3n); the convolutions of the former never change."""
    hidden = hidden_size(text)
    parts: list[Matrix] = [vector("vision_tower.timm_model", 294_126_912)]
    for name in ("vision", "audio"):
        section = config.section(f"{name}_config")
        if section is not None:
            width, words = section.size("hidden_size"), section.size("vocab_size")
            parts.append(embedding(f"embed_{name}.embedding", width, words))
            parts.extend(norms((f"embed_{name}.hard_embedding_norm", f"embed_{name}.soft_embedding_norm"), width))
            parts.extend(linear(f"embed_{name}.embedding_projection", width, hidden))
    audio = config.section("audio_config")
    return (*parts, *(conformer(audio, outputs=0) if audio else ()))


def gemma4(config: Config, text: Config) -> tuple[Matrix, ...]:
    """A vision transformer and, in small models, a conformer (transformers, models/gemma4)."""
    hidden, vision, audio = hidden_size(text), config.section("vision_config"), config.section("audio_config")
    parts: list[Matrix] = []
    if vision is not None:
        width, head = width_of(vision), vision.size("head_dim", default=64)
        blocks = replace(plain("vision_tower.encoder.layers", vision), gated=True, qkv_bias=False, bias=False)
        clipped = 28 if vision.flag("use_clipped_linears") else 0  # bounds of seven projections
        parts += [
            *patches("vision_tower", vision),
            embedding("vision_tower.position_embedding", 2 * vision.size("position_embedding_size"), width),
            *encoder(replace(blocks, norms=4, norm_bias=False, vectors=2 * head + clipped)),
            *linear("embed_vision.embedding_projection", width, hidden),
        ]
        if vision.flag("standardize"):
            parts.append(vector("vision_tower.standardize", 2 * width))
    if audio is not None:
        outputs = audio.size("output_proj_dims")
        parts += [*conformer(audio, outputs), *linear("embed_audio.embedding_projection", outputs, hidden)]
    return tuple(parts)


def qwen2_vl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Qwen2-VL (transformers, models/qwen2_vl), whose vision hidden_size is that of the decoder."""
    vision = _vision(config)
    width = vision.size("embed_dim")
    blocks = Blocks("visual.blocks", depth_of(vision), width, int(width * vision.number("mlp_ratio", default=4)))
    inputs = channels_of(vision) * vision.size("temporal_patch_size") * patch_side(vision) ** 2
    return (
        embedding("visual.patch_embed", inputs, width),
        *encoder(blocks),
        *_merger("visual.merger", vision, width, hidden_size(text)),
    )


def qwen2_5_vl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Qwen2.5-VL (transformers, models/qwen2_5_vl)."""
    vision = _vision(config)
    width = width_of(vision)
    return (
        *patches("visual", vision, frames=vision.size("temporal_patch_size")),
        *encoder(replace(plain("visual.blocks", vision), gated=True, norm_bias=False)),
        *_merger("visual.merger", vision, width, hidden_size(text), norm_bias=False),
    )


def qwen3_vl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Qwen3-VL, whose later mergers are normalized after merging (transformers, models/qwen3_vl), and Qwen3.5."""
    vision = _vision(config)
    width, outputs = width_of(vision), vision.size("out_hidden_size", default=hidden_size(text))
    later = len(vision.items("deepstack_visual_indexes"))
    merged = width * _merged(vision)
    deep = (
        *norms(("visual.deepstack_merger_list.norm",), merged, bias=True),
        *two_layers("visual.deepstack_merger_list", merged, merged, outputs),
    )
    return (
        *patches("visual", vision, bias=True, frames=vision.size("temporal_patch_size")),
        embedding("visual.pos_embed", vision.size("num_position_embeddings"), width),
        *encoder(plain("visual.blocks", vision)),
        *_merger("visual.merger", vision, width, outputs),
        *(replace(matrix, count=later) for matrix in deep if later),
    )


def _merged(vision: Config) -> int:
    return vision.size("spatial_merge_size", default=2) ** 2


def _merger(name: str, vision: Config, width: int, outputs: int, *, norm_bias: bool = True) -> tuple[Matrix, ...]:
    merged = width * _merged(vision)
    return (*norms((f"{name}.ln_q",), width, norm_bias), *two_layers(name, merged, merged, outputs))


def glm4v(config: Config, text: Config) -> tuple[Matrix, ...]:
    """GLM-4.1V to 4.6V (transformers, models/glm4v)."""
    vision = _vision(config)
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
    vision = _vision(config)
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
        embedding("visual.downsample", width * _merged(vision) + 1, outputs),
        *linear("visual.merger.proj", outputs, outputs),
        *norms(("visual.merger.post_projection_norm",), outputs, bias=True),
        *(matrix for each in ("gate_proj", "up_proj") for matrix in linear(f"visual.merger.{each}", outputs, inner)),
        *linear("visual.merger.down_proj", inner, outputs),
    )


def kimi(config: Config, text: Config) -> tuple[Matrix, ...]:
    """MoonViT and a merger (transformers, models/kimi_k25)."""
    vision = _vision(config)
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
    vision = _vision(config)
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
    vision, hidden = _vision(config), hidden_size(text)
    width = width_of(vision)
    normed = vision.flag("qk_normalization", "use_qk_norm")
    layer_norms = vision.word("norm_type", default="layer_norm") == "layer_norm"
    blocks = replace(
        plain("vision_model.encoder.layers", vision),
        qkv_bias=vision.flag("qkv_bias", "attention_bias"),
        norm_bias=layer_norms,
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


def qwen_omni(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Ears and eyes of Qwen's Omni models; engines do not load the talker."""
    thinker = config.section("thinker_config") or config
    audio, sees = thinker.section("audio_config"), thinker.section("vision_config")
    see = qwen3_vl if config.model_type.startswith("qwen3") else qwen2_5_vl
    return (*(whisper(audio) if audio else ()), *(see(thinker, text) if sees else ()))


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
