"""Models that are younger than the engine's version."""

from collections.abc import Iterator, Mapping

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.planner.rules.case import Case, not_in_release

_SINCE: Mapping[str, tuple[Version, Version]] = {
    "AfmoeForCausalLM": ((0, 11, 1), (0, 5, 8)),
    "BailingMoeV2ForCausalLM": ((0, 11), (0, 5, 3)),
    "BailingMoeV2_5ForCausalLM": ((0, 17), (0, 5, 9)),
    "BailingMoeV3ForCausalLM": ((0, 28), (0, 5, 19)),
    "Cohere2MoeForCausalLM": ((0, 21), (0, 5, 13)),
    "DeepseekV32ForCausalLM": ((0, 11), (0, 5, 3)),
    "DeepseekV4ForCausalLM": ((0, 20), (0, 5, 12)),
    "Ernie4_5_MoeForCausalLM": ((0, 9, 2), (0, 5)),
    "ExaoneMoeForCausalLM": ((0, 27), (0, 5, 21)),
    "FalconH1ForCausalLM": ((0, 9), (0, 5, 3)),
    "Gemma3nForConditionalGeneration": ((0, 9, 2), (0, 4, 9)),
    "Gemma4ForCausalLM": ((0, 19), (0, 5, 11)),
    "Gemma4ForConditionalGeneration": ((0, 19), (0, 5, 11)),
    "Glm4MoeForCausalLM": ((0, 10), (0, 4, 10)),
    "Glm4MoeLiteForCausalLM": ((0, 15), (0, 5, 8)),
    "Glm5NextForConditionalGeneration": ((0, 30), (0, 5, 19)),
    "GlmMoeDsaForCausalLM": ((0, 16), (0, 5, 9)),
    "GptOssForCausalLM": ((0, 10, 1), (0, 5)),
    "GraniteMoeHybridForCausalLM": ((0, 9), (0, 5, 9)),
    "HYV3ForCausalLM": ((0, 20), (0, 5, 11)),
    "HunYuanMoEV1ForCausalLM": ((0, 9, 2), (0, 4, 9)),
    "KimiK25ForConditionalGeneration": ((0, 15), (0, 5, 9)),
    "KimiK3ForConditionalGeneration": ((0, 27), (0, 5, 17)),
    "KimiLinearForCausalLM": ((0, 11, 1), (0, 5, 5)),
    "LagunaForCausalLM": ((0, 21), (0, 5, 12)),
    "Lfm2ForCausalLM": ((0, 10, 2), (0, 5, 9)),
    "Lfm2MoeForCausalLM": ((0, 11, 1), (0, 5, 9)),
    "LongcatFlashForCausalLM": ((0, 11), (0, 5, 2)),
    "MiMoV2FlashForCausalLM": ((0, 14), (0, 5, 7)),
    "MiniMaxM2ForCausalLM": ((0, 11, 1), (0, 5, 5)),
    "MiniMaxM3SparseForCausalLM": ((0, 24), (0, 5, 15)),
    "MiniMaxM3SparseForConditionalGeneration": ((0, 24), (0, 5, 15)),
    "MistralLarge3ForCausalLM": ((0, 12), (0, 5, 7)),
    "NemotronHForCausalLM": ((0, 9, 1), (0, 5, 4)),
    "Qwen3NextForCausalLM": ((0, 10, 2), (0, 5, 2)),
    "Qwen3OmniMoeForConditionalGeneration": ((0, 11, 1), (0, 5, 4)),
    "Qwen3VLForConditionalGeneration": ((0, 11), (0, 5, 3)),
    "Qwen3VLMoeForConditionalGeneration": ((0, 11), (0, 5, 3)),
    "Qwen3_5ForConditionalGeneration": ((0, 17), (0, 5, 9)),
    "Qwen3_5MoeForConditionalGeneration": ((0, 17), (0, 5, 9)),
    "Qwen4ExpForConditionalGeneration": ((0, 29), (0, 5, 19)),
    "Step3p5ForCausalLM": ((0, 16), (0, 5, 9)),
    "Step3p7ForConditionalGeneration": ((0, 23), (0, 5, 13)),
}
"""First versions of vLLM and SGLang with a model of that architecture: vllm/model_executor/models/registry.py and the
EntryClass of sglang/srt/models in the releases (the packages of PyPI, 0.8.5 to 0.32 and 0.4.6 to 0.5.23). Only models
whose layers the engines' generic Transformers backend does not run: mixtures, states, sparse or shared caches."""


def architectures(case: Case) -> Iterator[Finding]:
    """vLLM: "Model architectures [...] are not supported for now"; SGLang says it alike."""
    known = _SINCE.get(case.model.architecture)
    if known is None or case.engine == "LlamaCpp":
        return
    since = known[0] if case.engine == "vLLM" else known[1]
    if case.version < since:
        newer = f"{case.engine} {'.'.join(map(str, since))}"
        message = f"{case.engine_label} does not know {case.model.architecture} yet; use {newer} or newer"
        yield not_in_release(case, "spec.engine.image", message)
