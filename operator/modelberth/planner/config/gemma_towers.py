"""Eyes and ears of Gemma."""

from dataclasses import replace

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.audio import conformer
from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.towers import (
    embedding,
    encoder,
    patches,
    plain,
    tower,
    vision_of,
    width_of,
)
from modelberth.planner.config.values import Config
from modelberth.planner.model import Matrix


def gemma3(config: Config, text: Config) -> tuple[Matrix, ...]:
    """SigLIP and one projection (transformers, models/gemma3)."""
    vision = vision_of(config)
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
