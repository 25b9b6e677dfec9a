"""Headers of GGUF files in the shapes of public models: llama-server b11669 was started on each (docs/design/0008)."""

from typing import Any

from modelberth.planner.files import Gguf


def gguf(architecture: str, tensors: tuple[int, int, int], vocabulary: int, **keys: Any) -> Gguf:
    """``tensors``: bytes of all blocks, of what looks up tokens, of the output head (0: tied). Keys use __ for dots."""
    blocks, embedding, output = tensors
    count = keys["block_count"]
    metadata = {f"{architecture}.{name.replace('__', '.')}": value for name, value in keys.items()}
    return Gguf(
        metadata={
            "general.architecture": architecture,
            "tokenizer.ggml.tokens.length": vocabulary,
            **metadata,
        },
        layer_bytes=(blocks // count,) * (count - 1) + (blocks - blocks // count * (count - 1),),
        embedding_bytes=embedding,
        output_bytes=output,
        file_type="Q4_K",
    )


def _attention(hidden: int, layers: int, heads: tuple[int, Any, int], inner: int, context: int) -> dict[str, Any]:
    """``heads``: query heads, key-value heads, dimension of a head."""
    return {
        "embedding_length": hidden,
        "block_count": layers,
        "attention__head_count": heads[0],
        "attention__head_count_kv": heads[1],
        "attention__key_length": heads[2],
        "attention__value_length": heads[2],
        "feed_forward_length": inner,
        "context_length": context,
    }


def _state(inner: int, size: int, groups: int) -> dict[str, Any]:
    return {"ssm__conv_kernel": 4, "ssm__inner_size": inner, "ssm__state_size": size, "ssm__group_count": groups}


def _experts(count: int, used: int, inner: int) -> dict[str, Any]:
    return {"expert_count": count, "expert_used_count": used, "expert_feed_forward_length": inner}


SHAPES = {
    "Llama 3.1 8B": gguf(
        "llama",
        (3926917120, 295501824, 295518208),
        128256,
        **_attention(4096, 32, (32, 8, 128), 14336, 131072),
    ),
    "Llama 3.2 1B": gguf("llama", (547618816, 147750912, 0), 128256, **_attention(2048, 16, (32, 8, 64), 8192, 131072)),
    "SmolLM2 135M": gguf("llama", (66493440, 30081024, 0), 49152, **_attention(576, 30, (9, 3, 64), 1536, 8192)),
    "Qwen3 8B": gguf(
        "qwen3", (3908210688, 350060544, 350076928), 151936, **_attention(4096, 36, (32, 8, 128), 12288, 40960)
    ),
    "Gemma 2 9B": gguf(
        "gemma2",
        (4684431360, 516096000, 0),
        256000,
        **_attention(3584, 42, (16, 8, 256), 14336, 8192),
        attention__sliding_window=4096,
    ),
    "Gemma 3 12B": gguf(
        "gemma3",
        (6054641664, 566369280, 0),
        262208,
        **_attention(3840, 48, (16, 8, 256), 15360, 131072),
        attention__sliding_window=1024,
    ),
    "GPT-OSS 20B": gguf(
        "gpt-oss",
        (10865888256, 615329280, 615340800),
        201088,
        **_attention(2880, 24, (64, 8, 64), 2880, 131072),
        **_experts(32, 4, 2880),
        attention__sliding_window=128,
    ),
    "Qwen3 30B-A3B": gguf(
        "qwen3moe",
        (16868229120, 175030272, 175038464),
        151936,
        **_attention(2048, 48, (32, 4, 128), 6144, 40960),
        **_experts(128, 8, 768),
    ),
    "DeepSeek V2 Lite": gguf(
        "deepseek2",
        (16252868608, 222822400, 222830592),
        102400,
        **{**_attention(2048, 27, (16, 1, 576), 10944, 163840), "attention__value_length": 512},
        **_experts(64, 6, 1408),
        attention__key_length_mla=192,
        attention__value_length_mla=128,
        rope__dimension_count=64,
    ),
    "Mamba 2 2.7B": gguf(
        "mamba2",
        (5152174080, 257474560, 0),
        50288,
        embedding_length=2560,
        block_count=64,
        attention__head_count=0,
        feed_forward_length=0,
        context_length=1048576,
        **_state(5120, 128, 1),
    ),
    "Granite 4.0 H 1B": gguf(
        "granitehybrid",
        (1391569152, 163774464, 0),
        100352,
        **_attention(1536, 40, (12, [4 if index % 10 == 5 else 0 for index in range(40)], 128), 4096, 131072),
        **_state(3072, 128, 1),
    ),
    "Qwen3-Next 80B-A3B": gguf(
        "qwen3next",
        (44644912128, 175030272, 175038464),
        151936,
        **_attention(2048, 48, (16, 2, 256), 5120, 262144),
        **_experts(512, 10, 512),
        **_state(4096, 128, 16),
    ),
}
