"""Encoders of sound."""

from dataclasses import replace

from modelberth.planner.config.pieces import linear, vector
from modelberth.planner.config.towers import Blocks, embedding, encoder
from modelberth.planner.config.values import MAX_LAYERS, Config
from modelberth.planner.model import Matrix


def whisper(audio: Config) -> tuple[Matrix, ...]:
    """The encoders of Qwen2.5-Omni and Qwen3-Omni (transformers, models/qwen2_5_omni and models/qwen3_omni_moe)."""
    width, inner, depth = (
        audio.size("d_model"),
        audio.size("encoder_ffn_dim"),
        audio.size("encoder_layers", maximum=MAX_LAYERS),
    )
    mels, outputs = audio.size("num_mel_bins", default=128), audio.size("output_dim")
    blocks = Blocks("audio_tower.layers", depth, width, inner)
    channels = audio.count("downsample_hidden_size", default=0)
    if not channels:
        return (
            *encoder(replace(blocks, qkv_bias=False, vectors=2 * width)),  # keys have no bias
            embedding("audio_tower.conv", 3 * mels + 3 * width + 2, width),
            vector("audio_tower.ln_post", 2 * width),
            vector("audio_tower.audio_bos_eos_token", 2 * outputs),
            *linear("audio_tower.proj", width, outputs, bias=True),
        )
    frequencies = -(-mels // 8)
    return (
        *encoder(blocks),
        embedding("audio_tower.conv2d", 9 * (1 + 2 * channels) + 3, channels),
        embedding("audio_tower.conv_out", channels * frequencies, width),
        vector("audio_tower.ln_post", 2 * width),
        *linear("audio_tower.proj1", width, width, bias=True),
        *linear("audio_tower.proj2", width, outputs, bias=True),
    )


def conformer(audio: Config, outputs: int) -> tuple[Matrix, ...]:
    """The encoders of Gemma 3n and 4 (transformers, models/gemma4); ``outputs`` of the last layer."""
    width = audio.size("hidden_size")
    depth = audio.size("conf_num_hidden_layers", "num_hidden_layers", maximum=MAX_LAYERS)
    heads = audio.size("conf_num_attention_heads", "num_attention_heads")
    kernel = audio.size("conf_conv_kernel_size", "conv_kernel_size")
    first, second = (*audio.whole_numbers("sscp_conv_channel_size", "subsampling_conv_channels"), 128, 32)[:2]
    clipped = 40 if audio.flag("use_clipped_linears") else 0  # bounds of ten projections
    one = (
        Matrix("audio_tower.layers.feed_forward", width, 4 * width, count=4),
        Matrix("audio_tower.layers.self_attn.qkv", width, 5 * width),
        Matrix("audio_tower.layers.lconv1d", width, 3 * width),
        vector("audio_tower.layers.scales", (kernel + 9) * width + width // heads + clipped),
    )
    return (
        embedding("audio_tower.subsample_conv", 9 * (1 + second), first),
        vector("audio_tower.subsample_norms", first + second),
        *linear("audio_tower.input_proj_linear", second * 32, width),
        *(replace(matrix, count=matrix.count * depth) for matrix in one),
        *(linear("audio_tower.output_proj", width, outputs, bias=True) if outputs else ()),
    )
