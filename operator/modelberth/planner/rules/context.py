"""maxModelLen beyond what the model was made for."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.planner.config.context import KEYS
from modelberth.planner.rules.case import Case, refused

CAPPED = "ContextCapped"
"""Reason of a finding: the engine serves a shorter context than maxModelLen."""

_FIELD = "spec.maxModelLen"
_OVERRIDES = ("--hf-overrides", "--rope-scaling", "--rope-theta", "--json-model-override-args")
_LONGER = {"vLLM": "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "SGLang": "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"}
_MOST = 1000
"""No model is stretched so far; a factor that is no number is not either."""
_TRUE = ("1", "true", "yes", "y", "on")


def context(case: Case) -> Iterator[Finding]:
    """Longer than config.json says."""
    wanted, longest = case.spec.max_model_len, _longest(case)
    if wanted is None or longest is None or wanted <= longest:
        return
    if case.engine == "LlamaCpp":
        # tools/server: "the slot context (65536) exceeds the training context of the model (40960) - capping"
        yield Finding(_FIELD, f"llama-server serves {longest} tokens, what the model was made for; lower it", CAPPED)
    elif not _allowed(case):
        # _get_and_verify_max_len of vllm/config/model.py; _derive_context_length of sglang/srt/configs/model_config.py
        yield refused(
            _FIELD,
            f"the model was made for {longest} tokens; lower it, or scale its positions in engine.args "
            f"({'--hf-overrides' if case.engine == 'vLLM' else '--json-model-override-args'}), or set "
            f"{_LONGER[case.engine]} to 1 in engine.env if you know that it copes",
        )


def _longest(case: Case) -> int | None:
    """Tokens; None where config.json does not tell itself (transformers has defaults that no model was made for)."""
    config = case.request.files.config or {}
    text = config.get("text_config")
    named = {**config, **text} if isinstance(text, Mapping) else config
    if case.model.max_len is None or (case.request.files.gguf is None and not any(key in named for key in KEYS)):
        return None
    if case.engine != "vLLM":
        return case.model.max_len
    return max([case.model.max_len, *_longer(named, case.version)])


def _longer(config: Mapping[str, Any], version: Version) -> Iterator[int]:
    """What vLLM also takes for the model's length: _get_and_verify_max_len of vllm/config/model.py."""
    length = config.get("model_max_length")
    if isinstance(length, int):
        yield length
    rope = config.get("rope_scaling") or config.get("rope_parameters")
    # YaRN: the length before scaling times the factor until 0.28; 0.31 takes max_position_embeddings as it is.
    if isinstance(rope, Mapping) and version < (0, 31):
        original, factor = rope.get("original_max_position_embeddings"), rope.get("factor")
        if isinstance(original, int) and isinstance(factor, int | float) and 0 < factor < _MOST:
            yield int(original * factor)


def _allowed(case: Case) -> bool:
    if case.arguments.word(*_OVERRIDES) is not None:
        return True
    said = case.arguments.variable(_LONGER[case.engine])
    # SGLang allowed it unless told otherwise from 0.4.4 to 0.4.10.
    by_default = case.engine == "SGLang" and (0, 4, 4) <= case.version < (0, 5)
    return said.lower() in _TRUE if said is not None else by_default
