"""spec.quantization against what the checkpoint is."""

from collections.abc import Iterator

from modelberth.api.finding import Finding
from modelberth.planner.rules.case import Case, refused
from modelberth.planner.rules.checkpoint import method_of

_READS = {
    "awq": frozenset({"awq", "awq_marlin", "auto_awq", "marlin", "moe_wna16", "cpu_awq", "ipex", "humming"}),
    "gptq": frozenset(
        {
            *("gptq", "gptq_marlin", "auto_gptq", "gptq_marlin_24", "gptq_bitblas", "bitblas", "marlin", "moe_wna16"),
            *("cpu_gptq", "ipex", "humming", "auto-round", "inc"),
        }
    ),
    "fp8": frozenset({"fp8", "deepseek_v4_fp8", "nvfp4_online", "modelopt_fp4", "humming", "quark_mxfp4"}),
    "bitsandbytes": frozenset({"bitsandbytes"}),
    "compressed-tensors": frozenset(
        {"compressed-tensors", "w8a8_int8", "w8a8_fp8", "auto-round-int8", "nvfp4", "humming"}
    ),
    "mxfp4": frozenset({"mxfp4", "gpt_oss_mxfp4", "humming", "quark_mxfp4"}),
    "modelopt": frozenset(
        {
            *("modelopt", "modelopt_fp8", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8", "petit_nvfp4"),
            *("nvfp4", "nvfp4_online", "humming"),
        }
    ),
}
"""quant_method of a checkpoint -> values of spec.quantization that read it: override_quantization_method of vLLM's
quantization configs, compatible_quantization_methods of SGLang's configs/model_config.py. Others are not judged."""

_QUANTIZED_BEFOREHAND = frozenset(
    {
        *("awq", "awq_marlin", "auto_awq", "gptq", "gptq_marlin", "auto_gptq", "gptq_marlin_24"),
        *("compressed-tensors", "nvfp4", "auto-round", "moe_wna16"),
    }
)
"""Formats that no engine makes while loading."""

_PACKED = frozenset({"I32", "U8", "I8", "F8_E4M3", "F8_E5M2"})
"""Types in safetensors headers that only quantized checkpoints have."""


def mismatch(case: Case) -> Iterator[Finding]:
    """vLLM and SGLang refuse a method that is not the checkpoint's: "Quantization method specified in the model config
    (gptq) does not match the quantization method specified in the `quantization` argument (awq)"
    (vllm/config/model.py, sglang/srt/configs/model_config.py, _verify_quantization). Where Modelberth leaves the flag
    out, the engine would go on with something else than the spec says.
    """
    wanted = case.spec.quantization
    if case.engine == "LlamaCpp" or wanted == "auto" or case.request.files.config is None:
        return
    field = "spec.quantization"
    if case.section is None:
        if wanted in _QUANTIZED_BEFOREHAND and not _looks_quantized(case):
            yield refused(
                field,
                f"the checkpoint is not quantized, and {case.engine} does not make {wanted} of it; use auto, or name a "
                f"repository that holds {wanted} weights in spec.model.uri",
            )
        return
    method = method_of(case.section)
    if wanted == "none":
        # `unquant` of SGLang 0.5.12 takes the packed weights for plain ones; everything else follows the checkpoint.
        if case.engine == "SGLang" and case.version >= (0, 5, 12):
            yield refused(field, f"the checkpoint is quantized ({method}); use auto, or an unquantized repository")
    elif wanted not in _READS.get(method, {wanted}):
        yield refused(
            field, f"the checkpoint is {method}, not {wanted}; use auto, which takes what the checkpoint says"
        )


def _looks_quantized(case: Case) -> bool:
    """Old AWQ and GPTQ repositories tell it in a file of their own that may not have been read."""
    tensors = case.request.files.tensors
    return tensors is not None and not _PACKED.isdisjoint(tensors.parameters)
