"""Flat facts of a model, as rows of a table, put back into the shape of its config.json."""

import json
import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_PLAIN = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"),
    *("vocab_size", "intermediate_size", "tie_word_embeddings", "torch_dtype"),
)
_MORE = (
    *("global_head_dim", "num_global_key_value_heads", "attention_k_eq_v", "hidden_size_per_layer_input"),
    *("vocab_size_per_layer_input", "num_kv_shared_layers", "use_double_wide_mlp", "sliding_window_pattern"),
)


@dataclass(frozen=True)
class Family:
    """What a name says of the architecture."""

    pattern: str
    architecture: str
    model_type: str
    text_type: str = ""
    """Model type of the text layers of a multimodal model; empty for others."""

    @property
    def multimodal(self) -> bool:
        return bool(self.text_type)


_FAMILIES = (
    Family("llama-?4", "Llama4ForConditionalGeneration", "llama4", "llama4_text"),
    Family("llava-v1.6|llava-next", "LlavaNextForConditionalGeneration", "llava_next", "mistral"),
    Family("llava", "LlavaForConditionalGeneration", "llava", "llama"),
    Family("mixtral", "MixtralForCausalLM", "mixtral"),
    Family("mistral-small-3.[12]|ministral-3", "Mistral3ForConditionalGeneration", "mistral3", "mistral"),
    Family("internvl", "InternVLChatModel", "internvl_chat", "qwen2"),
    Family("qwen[-_]?3\\.[568].*a\\d+b", "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", "qwen3_5_moe_text"),
    Family("qwen[-_]?3\\.[568]", "Qwen3_5ForConditionalGeneration", "qwen3_5", "qwen3_5_text"),
    Family("qwen3-next", "Qwen3NextForCausalLM", "qwen3_next"),
    Family("qwen3-omni", "Qwen3OmniMoeForConditionalGeneration", "qwen3_omni_moe", "qwen3_moe"),
    Family("qwen3-vl.*a\\d+b", "Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", "qwen3_moe"),
    Family("qwen3-vl", "Qwen3VLForConditionalGeneration", "qwen3_vl", "qwen3"),
    Family("qwen3.*a\\d+b", "Qwen3MoeForCausalLM", "qwen3_moe"),
    Family("qwen3", "Qwen3ForCausalLM", "qwen3"),
    Family("qwen2.5-vl", "Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", "qwen2"),
    Family("qwen2-vl", "Qwen2VLForConditionalGeneration", "qwen2_vl", "qwen2"),
    Family("qwen1.5-moe|qwen2-57b", "Qwen2MoeForCausalLM", "qwen2_moe"),
    Family("(^|/)qwen-", "QWenLMHeadModel", "qwen"),
    Family("qwen|qwq", "Qwen2ForCausalLM", "qwen2"),
    Family("deepseek-v3.2", "DeepseekV32ForCausalLM", "deepseek_v32"),
    Family("deepseek-v4", "DeepseekV4ForCausalLM", "deepseek_v4"),
    Family("deepseek-(v3|r1)|kimi-k2", "DeepseekV3ForCausalLM", "deepseek_v3"),
    Family("kimi-vl", "KimiVLForConditionalGeneration", "kimi_vl", "deepseek_v3"),
    Family("deepseek-(coder-)?v2", "DeepseekV2ForCausalLM", "deepseek_v2"),
    Family("phi-3.5-vision", "Phi3VForCausalLM", "phi3_v", "phi3"),
    Family("phi-?[34]", "Phi3ForCausalLM", "phi3"),
    Family("phi-", "PhiForCausalLM", "phi"),
    Family("gemma-4", "Gemma4ForConditionalGeneration", "gemma4", "gemma4_text"),
    Family("gemma-3-1b", "Gemma3ForCausalLM", "gemma3_text"),
    Family("gemma-3", "Gemma3ForConditionalGeneration", "gemma3", "gemma3_text"),
    Family("gemma-2", "Gemma2ForCausalLM", "gemma2"),
    Family("gemma", "GemmaForCausalLM", "gemma"),
    Family("gpt-oss", "GptOssForCausalLM", "gpt_oss"),
    Family("glm-4.[5-9]", "Glm4MoeForCausalLM", "glm4_moe"),
    Family("minimax-m2", "MiniMaxM2ForCausalLM", "minimax_m2"),
    Family("granite", "GraniteForCausalLM", "granite"),
    Family("opt-\\d", "OPTForCausalLM", "opt"),
    Family("mistral|ministral|codestral|zephyr", "MistralForCausalLM", "mistral"),
    Family("llama|vicuna|deepseek-coder|deepseek-llm|orpheus|smollm|tinyllama|yi-", "LlamaForCausalLM", "llama"),
)
"""The first that matches; names choose the architecture and nothing else."""


def family_of(name: str) -> Family | None:
    """The architecture that a model's name stands for."""
    return next((family for family in _FAMILIES if re.search(family.pattern, name.lower())), None)


def config_of(facts: dict[str, Any]) -> dict[str, Any] | None:
    """A config.json from a row of facts; None where the row lacks what every model has, or names no known family."""
    family = family_of(facts["model"])
    facts = facts | _published()["more"].get(facts["model"], {})
    needed = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    if family is None or any(facts.get(key) is None for key in needed):
        return None
    config = {key: facts[key] for key in (*_PLAIN, *_MORE) if facts.get(key) is not None}
    config |= {"architectures": [family.architecture], "model_type": family.model_type}
    longest = _published()["max_position_embeddings"].get(facts["model"])
    if longest is not None:
        config["max_position_embeddings"] = longest
    config |= _mixture(facts.get("moe"), family.model_type) | _latent(facts.get("mla"))
    config |= _windows(facts, family.model_type)
    config |= _peculiar(config, family.model_type)
    vision = _published()["vision_config"].get(family.model_type)
    if vision is not None:
        config["vision_config"] = {**vision, "out_hidden_size": config["hidden_size"]}
    return config


def quantized_of(name: str) -> dict[str, Any]:
    """What else is in the config.json of a model's quantized checkpoints: they are padded to whole groups."""
    known: dict[str, Any] = _published()["quantized"].get(name, {})
    return known


def parameters_of(facts: dict[str, Any]) -> int | None:
    """All elements of the 16-bit checkpoint, as counted or by its size; None where the row does not say."""
    # Qwen3-Omni: without the talker, which engines do not load.
    total = _published()["more"].get(facts["model"], {}).get("total_params") or facts.get("total_params")
    if isinstance(total, int | float) and total > 0:
        return int(total)
    text = f"{facts.get('notes')} {facts.get('source')}"
    size = re.search(r"checkpoint (\d+(?:\.\d+)?) GiB", text)
    return int(float(size[1]) * 2**30 / 2) if size else None


@cache
def _published() -> dict[str, Any]:
    record: dict[str, Any] = json.loads((files(__package__) / "published.json").read_text())
    return record


def _number(value: Any, default: int = 0) -> int:
    """A number, or the first one in prose ("1 shared expert (8192)")."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else default
    match = re.search(r"\d+", str(value or ""))
    return int(match[0]) if match else default


_MIXTURE_WORDS = {
    "num_experts": r"(\d+) (?:routed )?experts|num_experts\D{1,3}(\d+)",
    "num_experts_per_tok": r"top[- ]?(\d+)|(\d+) (?:active|per token)|num_experts_per_tok\D{1,3}(\d+)",
    "moe_intermediate_size": r"(?:moe_intermediate_size|inner|intermediate)\D{1,10}(\d+)",
    "shared": r"(\d+) shared",
    "first_k_dense_replace": r"first_k_dense_replace\D{1,3}(\d+)|first (\d+) (?:layers )?dense",
}
_LATENT_WORDS = {
    name: rf"{name}\D{{1,3}}(\d+)"
    for name in ("kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "index_head_dim")
}


def _told(value: Any, words: dict[str, str]) -> dict[str, Any]:
    """A record as it is, or what prose tells of one."""
    if isinstance(value, dict):
        return value
    found = {key: re.search(pattern, str(value or "")) for key, pattern in words.items()}
    return {
        key: int(next(group for group in match.groups() if group)) for key, match in found.items() if match is not None
    }


def _mixture(moe: Any, model_type: str) -> dict[str, Any]:
    moe = _told(moe, _MIXTURE_WORDS)
    if not moe.get("num_experts"):
        return {}
    experts = _number(moe["num_experts"])
    config = {
        "num_experts": experts,
        "num_local_experts": experts,
        "n_routed_experts": experts,
        "num_experts_per_tok": _number(moe.get("num_experts_per_tok"), 1),
    }
    kept = ("moe_intermediate_size", "first_k_dense_replace", "full_attention_interval", "intermediate_size_mlp")
    config |= {key: _number(moe[key]) for key in (*kept, "interleave_moe_layer_step") if moe.get(key) is not None}
    shared = moe.get("shared")
    if isinstance(shared, str) and "shared_expert_intermediate_size" in shared:
        config["shared_expert_intermediate_size"] = _number(shared)
    elif shared is not None and model_type.startswith(("deepseek", "glm4", "kimi")):
        config["n_shared_experts"] = _number(shared)
    return config


def _latent(mla: Any) -> dict[str, Any]:
    mla = _told(mla, _LATENT_WORDS)
    if not mla.get("kv_lora_rank"):
        return {}
    return {key: value for key, value in mla.items() if isinstance(value, int) or value is None}


def _windows(facts: dict[str, Any], model_type: str) -> dict[str, Any]:
    """Sliding windows, told in prose: "1024, 5 of 6 layers", "4096 on alternate layers"."""
    text = facts.get("sliding_window")
    if text is None:
        return {}
    config: dict[str, Any] = {"sliding_window": _number(text)}
    pattern = re.search(r"(\d+) of (\d+) layers", str(text))
    if facts.get("sliding_window_pattern"):
        config["sliding_window_pattern"] = facts["sliding_window_pattern"]
    elif pattern is not None:
        config["sliding_window_pattern"] = int(pattern[2])
    elif "alternate" in str(text):
        config["sliding_window_pattern"] = 2
    elif model_type == "gemma4":
        config["sliding_window_pattern"] = 6
    return config


def _peculiar(config: dict[str, Any], model_type: str) -> dict[str, Any]:
    """Keys that a family's config.json has and the table leaves out."""
    if model_type == "qwen":
        # The file counts both halves of the gated layer.
        return {"intermediate_size": 2 * config["intermediate_size"]}
    if model_type == "qwen3_next":
        return _linear_attention(16, 32)
    if model_type.startswith("qwen3_5"):
        states = _linear_attention(16, 32 if config["hidden_size"] < 4096 else 48)
        return states | {"mamba_ssm_dtype": "float32"}
    return {}


def _linear_attention(key_heads: int, value_heads: int) -> dict[str, Any]:
    """Gated DeltaNet of Qwen3-Next and later: https://huggingface.co/Qwen/Qwen3-Next-80B-A3B-Instruct."""
    return {
        "full_attention_interval": 4,
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_num_key_heads": key_heads,
        "linear_num_value_heads": value_heads,
    }
