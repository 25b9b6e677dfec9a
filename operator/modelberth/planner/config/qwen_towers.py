"""Eyes and ears of Qwen's models."""

from dataclasses import replace

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.audio import whisper
from modelberth.planner.config.pieces import norms
from modelberth.planner.config.towers import (
    Blocks,
    channels_of,
    depth_of,
    embedding,
    encoder,
    merged_patches,
    patch_side,
    patches,
    plain,
    two_layers,
    vision_of,
    width_of,
)
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix


def qwen2_vl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Qwen2-VL (transformers, models/qwen2_vl), whose vision hidden_size is that of the decoder."""
    vision = vision_of(config)
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
    vision = vision_of(config)
    width = width_of(vision)
    return (
        *patches("visual", vision, frames=vision.size("temporal_patch_size")),
        *encoder(replace(plain("visual.blocks", vision), gated=True, norm_bias=False)),
        *_merger("visual.merger", vision, width, hidden_size(text), norm_bias=False),
    )


def qwen3_vl(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Qwen3-VL, whose later mergers are normalized after merging (transformers, models/qwen3_vl), and Qwen3.5."""
    vision = vision_of(config)
    width, outputs = width_of(vision), vision.size("out_hidden_size", default=hidden_size(text))
    later = len(vision.items("deepstack_visual_indexes"))
    merged = width * merged_patches(vision)
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


def _merger(name: str, vision: Config, width: int, outputs: int, *, norm_bias: bool = True) -> tuple[Matrix, ...]:
    merged = width * merged_patches(vision)
    return (*norms((f"{name}.ln_q",), width, norm_bias), *two_layers(name, merged, merged, outputs))


def qwen_omni(config: Config, text: Config) -> tuple[Matrix, ...]:
    """Ears and eyes of Qwen's Omni models; engines do not load the talker."""
    thinker = config.section("thinker_config") or config
    audio, sees = thinker.section("audio_config"), thinker.section("vision_config")
    see = qwen3_vl if config.model_type.startswith("qwen3") else qwen2_5_vl
    return (*(whisper(audio) if audio else ()), *(see(thinker, text) if sees else ()))
