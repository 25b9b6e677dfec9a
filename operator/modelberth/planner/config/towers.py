"""Transformer encoders of pictures and sound, and the vision towers that many models share."""

from dataclasses import dataclass, replace

from modelberth.planner.config.pieces import linear, norms, vector
from modelberth.planner.config.values import MAX_LAYERS, Config
from modelberth.planner.model import Matrix, Split


@dataclass(frozen=True)
class Blocks:
    """Encoder layers that are alike."""

    name: str
    depth: int
    hidden: int
    inner: int
    gated: bool = False
    qkv_bias: bool = True
    bias: bool = True
    """Of the other projections."""
    norms: int = 2
    norm_bias: bool = True
    heads: int = 0
    """Heads of attention, where their number decides whether GPUs can share them."""
    vectors: int = 0
    """Elements of norms of heads, scales and the like in each layer."""


def encoder(blocks: Blocks) -> tuple[Matrix, ...]:
    """The matrices of all layers together."""
    name, hidden, inner = blocks.name, blocks.hidden, blocks.inner
    split: Split = "replicated" if blocks.heads % 2 else "tensor"  # InternViT 6B has 25, which vLLM does not cut
    one = (
        *linear(f"{name}.attn.qkv", hidden, 3 * hidden, blocks.qkv_bias, split),
        *linear(f"{name}.attn.proj", hidden, hidden, blocks.bias, split),
        *(linear(f"{name}.mlp.gate_proj", hidden, inner, blocks.bias) if blocks.gated else ()),
        *linear(f"{name}.mlp.fc1", hidden, inner, blocks.bias),
        *linear(f"{name}.mlp.fc2", inner, hidden, blocks.bias),
        *norms((f"{name}.norm",), hidden * blocks.norms, blocks.norm_bias),
        *((vector(f"{name}.scales", blocks.vectors),) if blocks.vectors else ()),
    )
    return tuple(replace(matrix, count=matrix.count * blocks.depth) for matrix in one)


def embedding(name: str, inputs: int, outputs: int) -> Matrix:
    """Patches or positions: small, on every GPU, never quantized."""
    return Matrix(name, inputs, outputs, split="replicated", linear=False)


def two_layers(name: str, inputs: int, inner: int, outputs: int) -> tuple[Matrix, ...]:
    """The projector that most models have between tower and decoder."""
    return (
        *linear(f"{name}.linear_1", inputs, inner, bias=True),
        *linear(f"{name}.linear_2", inner, outputs, bias=True),
    )


def vision_of(config: Config) -> Config:
    """vision_config; all defaults where the file leaves it out."""
    return config.section("vision_config") or config.absent("vision_config")


def merged_patches(vision: Config) -> int:
    """Patches that become one token."""
    return vision.size("spatial_merge_size", default=2) ** 2


def depth_of(vision: Config) -> int:
    keys = ("num_hidden_layers", "depth", "vt_num_hidden_layers", "encoder_layers", "layers")
    return vision.size(*keys, maximum=MAX_LAYERS)


def width_of(vision: Config) -> int:
    return vision.size("hidden_size", "embed_dim", "vt_hidden_size", "d_model", "width")


def inner_of(vision: Config) -> int:
    keys = ("intermediate_size", "vt_intermediate_size", "encoder_ffn_dim")
    return vision.size(*keys, default=max(int(width_of(vision) * vision.number("mlp_ratio", default=4)), 1))


def patch_side(vision: Config) -> int:
    return vision.size("patch_size", "spatial_patch_size")


def channels_of(vision: Config) -> int:
    return vision.size("in_channels", "in_chans", "num_channels", default=3)


def positions_of(vision: Config) -> int:
    """Patches of a picture."""
    return max(vision.size("image_size") // patch_side(vision), 1) ** 2


def patches(name: str, vision: Config, bias: bool = False, frames: int = 1) -> tuple[Matrix, ...]:
    """The convolution that turns patches into embeddings."""
    inputs = channels_of(vision) * frames * patch_side(vision) ** 2
    return (embedding(f"{name}.patch_embed", inputs + bias, width_of(vision)),)


def plain(name: str, vision: Config) -> Blocks:
    """Blocks with two layer norms and biases everywhere."""
    return Blocks(name, depth_of(vision), width_of(vision), inner_of(vision))


def siglip(vision: Config) -> tuple[Matrix, ...]:
    """SigLIP (transformers, models/siglip) without its pooling head."""
    width = width_of(vision)
    return (
        *patches("vision_tower", vision, bias=True),
        embedding("vision_tower.position_embedding", positions_of(vision), width),
        *encoder(plain("vision_tower.encoder.layers", vision)),
        *norms(("vision_tower.post_layernorm",), width, bias=True),
    )


def clip(vision: Config) -> tuple[Matrix, ...]:
    """The vision tower of CLIP (transformers, models/clip)."""
    width = width_of(vision)
    return (
        *patches("vision_tower", vision),
        embedding("vision_tower.position_embedding", positions_of(vision) + 2, width),  # with the class embedding
        *encoder(plain("vision_tower.encoder.layers", vision)),
        *norms(("vision_tower.pre_layrnorm", "vision_tower.post_layernorm"), width, bias=True),
    )


def pixtral(vision: Config) -> tuple[Matrix, ...]:
    """Pixtral (transformers, models/pixtral)."""
    blocks = replace(plain("vision_tower.transformer.layers", vision), gated=True, norm_bias=False)
    return (
        *patches("vision_tower", vision),
        *encoder(replace(blocks, qkv_bias=False, bias=False)),
        *norms(("vision_tower.ln_pre",), width_of(vision)),
    )


def unknown(vision: Config) -> tuple[Matrix, ...]:
    """An encoder of whose kind nothing is known but its sizes."""
    return encoder(plain("vision_tower.encoder.layers", vision))


TOWERS = {"siglip_vision_model": siglip, "clip_vision_model": clip, "pixtral": pixtral}
"""By model_type of vision_config."""


def tower(vision: Config) -> tuple[Matrix, ...]:
    """The vision tower that ``vision`` describes."""
    return TOWERS.get(vision.model_type, unknown)(vision)
