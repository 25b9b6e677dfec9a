"""Changes of quantization: what the engine does while it loads, and other checkpoints of the same model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelberth.api.engine_facts import names_at
from modelberth.api.engine_tables import FACTS
from modelberth.planner.changes import Ladder, Step, gpu_in
from modelberth.planner.files import Gguf, ModelFiles
from modelberth.planner.plan import Plan
from modelberth.planner.request import PlanRequest

# Since https://github.com/vllm-project/vllm/pull/31914 (January 2026; 0.14 was cut that month) vLLM quantizes layer by
# layer. Before, and in SGLang, the whole unquantized model has to fit first.
_VLLM_STREAMS_FP8_SINCE = (0, 15)

_CHECKPOINTS: Mapping[str, Mapping[str, Any]] = {
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic"},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
}
"""quantization_config of such checkpoints as the hub has them for most models, the finest first."""

# Bits per weight of the whole file, measured on Llama 2 7B: tools/quantize/README.md of llama.cpp; Q8_0 by its blocks.
_GGUF_FILES = {"Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.68, "Q4_K_M": 4.84}
_GGUF_BITS = {"F32": 32.0, "F16": 16.0, "BF16": 16.0, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K": 5.68}
"""Bits per weight of a file by its most frequent type."""


def quantized(request: PlanRequest, plan: Plan) -> Ladder:
    """Fewer bits per weight, first without another checkpoint."""
    if request.spec.engine.type == "LlamaCpp":
        return Ladder(tuple(_gguf_files(request)))
    return Ladder((*_online(request, plan), *_checkpoints(request)))


def _online(request: PlanRequest, plan: Plan) -> Iterator[Step]:
    """Quantized by the engine while it loads an unquantized checkpoint."""
    if _method(request.files) != "none" or request.spec.quantization not in ("auto", "none"):
        return
    if gpu_in(request.spec) is None or request.files.config is None:
        return
    for word in ("fp8", "bitsandbytes"):
        if _has(request, word) and (word != "fp8" or _fp8_loads(request, plan)):
            spec = request.spec.model_copy(update={"quantization": word})
            yield Step(f"quantization: {word}", replace(request, spec=spec), tells_weights=True)


def _fp8_loads(request: PlanRequest, plan: Plan) -> bool:
    if request.spec.engine.type == "vLLM" and request.engine_version >= _VLLM_STREAMS_FP8_SINCE:
        return True
    return plan.per_gpu is not None and plan.per_gpu.weights_gib < plan.per_gpu.budget_gib


def _checkpoints(request: PlanRequest) -> Iterator[Step]:
    """Another checkpoint of the same model: planned with a quantization_config in the place of the present one."""
    config = request.files.config
    present = _method(request.files)
    if config is None or present not in ("none", "fp8"):
        return
    # Whoever wrote awq beside a checkpoint that is not quantized has another one in mind.
    for word, section in sorted(_CHECKPOINTS.items(), key=lambda pair: pair[0] != request.spec.quantization):
        if word == present or not _has(request, word) or not _on_device(request, word):
            continue
        # The headers are those of the present checkpoint.
        files = ModelFiles(config={**config, "quantization_config": dict(section)})
        change = f"an {word} variant of this model"
        spec = request.spec
        if spec.quantization not in ("auto", word):
            change += f" with quantization: {word}"
            spec = spec.model_copy(update={"quantization": word})
        yield Step(change, replace(request, spec=spec, files=files), tells_weights=True)


def _on_device(request: PlanRequest, word: str) -> bool:
    """On the CPU vLLM serves 4-bit AWQ; nothing else was tried."""
    return request.spec.device == "GPU" or (request.spec.engine.type == "vLLM" and word == "awq")


def _gguf_files(request: PlanRequest) -> Iterator[Step]:
    """Other files of the same repository: the present one's bytes, scaled."""
    gguf = request.files.gguf
    present = _GGUF_BITS.get(gguf.file_type) if gguf else None
    if gguf is None or present is None:
        return
    for name, bits in _GGUF_FILES.items():
        if bits < present:
            files = replace(request.files, gguf=_scaled(gguf, bits / present, name))
            yield Step(f"a {name} file of this model", replace(request, files=files), tells_weights=True)


def _scaled(gguf: Gguf, share: float, name: str) -> Gguf:
    return replace(
        gguf,
        layer_bytes=tuple(round(count * share) for count in gguf.layer_bytes),
        embedding_bytes=round(gguf.embedding_bytes * share),
        output_bytes=round(gguf.output_bytes * share),
        other_bytes=round(gguf.other_bytes * share),
        file_type=name.removesuffix("_M"),
    )


def _method(files: ModelFiles) -> str:
    """quant_method of the checkpoint; none without a quantization_config."""
    section = (files.config or {}).get("quantization_config")
    return str(section.get("quant_method")) if isinstance(section, Mapping) else "none"


def _has(request: PlanRequest, word: str) -> bool:
    return word in names_at(FACTS[request.spec.engine.type].quantizations, request.engine_version)
