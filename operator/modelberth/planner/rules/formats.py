"""Files that this version of the engine has no reader for."""

from collections.abc import Iterator

from modelberth.api.engine_facts import names_at
from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import Finding
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, not_in_release, refused

_METHODS = frozenset({"aqlm", "bitsandbytes", "hqq", "mxfp4", "mxfp8", "torchao"})
"""quant_method of checkpoints that nothing but the method of that name reads."""

_MAPPED = frozenset(
    {
        *("ApertusForCausalLM", "ArceeForCausalLM", "Ernie4_5_VLMoeForConditionalGeneration", "Exaone4ForCausalLM"),
        *("Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Gemma3nForCausalLM"),
        *("Gemma3nForConditionalGeneration", "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration"),
        *("HunYuanDenseV1ForCausalLM", "HunYuanMoEV1ForCausalLM", "InternLM3ForCausalLM", "Llama4ForCausalLM"),
        *("LlamaForCausalLM", "MiMoForCausalLM", "MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM"),
        *("Ministral3ForCausalLM", "MistralForCausalLM", "MllamaForConditionalGeneration", "Phi3ForCausalLM"),
        *("Qwen2AudioForConditionalGeneration", "Qwen2ForCausalLM", "Qwen2VLForConditionalGeneration"),
        *("Qwen2_5_VLForConditionalGeneration", "Qwen3ForCausalLM", "SolarForCausalLM", "Step3p5ForCausalLM"),
        *("TeleFLMForCausalLM", "GlmAsrForConditionalGeneration", "MiDashengLMModel", "IQuestCoderForCausalLM"),
        *("Gemma4UnifiedForConditionalGeneration", "MiMoV2ASRForCausalLM", "Qwen3ASRForConditionalGeneration"),
        *("Cosmos3EdgeForConditionalGeneration",),
    }
)
"""Architectures with bitsandbytes_stacked_params_mapping in some release of SGLang up to 0.5.23 (sglang/srt/models)."""


def formats(case: Case) -> Iterator[Finding]:
    """GGUF files, quantized checkpoints and bitsandbytes, by engine and version."""
    if case.engine == "LlamaCpp":
        return
    known = names_at(FACTS[case.spec.engine.type].quantizations, case.version)
    files = case.request.files
    if files.config is None and files.gguf is not None and "gguf" not in known:
        message = f"{case.engine_label} does not read GGUF files; use engine.type LlamaCpp"
        yield not_in_release(case, "spec.model.uri", message)
    method = kinds.method_of(case.section) if case.section is not None else kinds.NONE
    versions = _versions(case, method) if method in _METHODS and method not in known else None
    if versions is not None:
        yield not_in_release(
            case,
            "spec.model.uri",
            f"{case.engine_label} does not read {method} checkpoints; use {versions}, or another variant of the model",
        )
    elif case.kind == kinds.BITSANDBYTES and (what := _without_bitsandbytes(case)):
        yield refused(
            case.kind_field,
            f"{case.engine_label} does not load {what} with bitsandbytes; use an AWQ, GPTQ or fp8 variant of the model",
        )


def _versions(case: Case, method: str) -> str | None:
    """Versions of the engine that read it; None where the tables tell of none."""
    entry = next((each for each in FACTS[case.spec.engine.type].quantizations if each.name == method), None)
    if entry is None:
        return None
    if case.version < entry.since:
        return f"{case.engine} {'.'.join(map(str, entry.since))} or newer"
    return f"{case.engine} before {'.'.join(map(str, entry.until or ()))}"


def _without_bitsandbytes(case: Case) -> str | None:
    """What the loader has no bitsandbytes for.

    vLLM: no FusedMoE in vllm/model_executor/layers/quantization/bitsandbytes.py before 0.10. SGLang:
    BitsAndBytesModelLoader of sglang/srt/model_loader/loader.py ends with "Model Qwen3MoeForCausalLM does not support
    BitsAndBytes quantization yet"; the method itself came from vLLM's package, was gone in 0.5.5, and is SGLang's own
    since 0.5.8 (sglang/srt/layers/quantization/__init__.py).
    """
    if case.engine == "vLLM":
        return "mixtures of experts" if case.model.experts and case.version < (0, 10) else None
    if case.model.architecture and case.model.architecture not in _MAPPED:
        return case.model.architecture
    return "anything" if (0, 5, 5) <= case.version < (0, 5, 8) else None
