"""The longest sequence that a model was made for, as vLLM derives it."""

from modelberth.planner.config.values import MAX_DIMENSION, Config

KEYS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
SCALED_ALREADY = ("default", "su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling", "mrope")
"""Kinds of rope whose max_position_embeddings is the length after scaling."""


def max_len_of(config: Config) -> int | None:
    """Tokens; None where config.json does not say.

    Source: _get_and_verify_max_len in
    https://github.com/vllm-project/vllm/blob/main/vllm/config/model.py
    """
    lengths = [config.size(key) for key in KEYS if config.count(key, default=0)]
    if not lengths:
        return None
    return min(int(min(lengths) * _scale(config)), MAX_DIMENSION)


def _scale(config: Config) -> float:
    rope = config.section("rope_scaling", "rope_parameters")
    if rope is None or config.model_type.startswith("gemma3"):
        return 1.0
    kind = rope.word("rope_type", "type", default="default")
    rope.value("original_max_position_embeddings")  # older vLLM multiplies this one
    factor = max(rope.number("factor", default=1.0), 1.0)
    return 1.0 if kind in SCALED_ALREADY else factor
