"""A row of observations as a question to the planner. Only what was known before the engine started is read."""

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from bench.planner.models import Family, config_of, family_of, parameters_of, quantized_of
from bench.planner.quantizations import quantization_of
from bench.planner.sglang_defaults import default_fraction
from bench.planner.versions import is_v0, is_v1, version_of
from modelberth.api.spec import Spec
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpu_names import parse_name
from modelberth.planner.gpus import Gpu, catalogue
from modelberth.planner.model import Matrix, Model
from modelberth.planner.request import PlanRequest

INPUTS = (
    *("id", "engine", "engine_version", "model", "dtype", "quantization", "kv_cache_dtype", "tp", "pp", "dp"),
    *("gpu", "gpu_gib", "gpu_memory_utilization", "mem_fraction_static", "max_model_len", "max_num_seqs"),
    *("enforce_eager", "config_ref"),
)
"""Columns that are read; observed, quote, notes and source are not."""

_NUMBERS = (
    *("tp", "pp", "dp", "gpu_gib", "gpu_memory_utilization", "mem_fraction_static", "max_model_len", "max_num_seqs"),
)

_ENGINES = {"vllm": "vLLM", "sglang": "SGLang"}
_DTYPES = {"float16": "half", "fp16": "half", "half": "half", "bfloat16": "bfloat16", "float32": "float32"}
TOWERS = ("visual", "vision_tower", "vision_model", "multi_modal_projector", "audio_tower", "mlp1")
"""Modules that see and hear, by their usual names."""
MORE_THAN_ALL = 1.001
"""Towers that make a model larger than its published size are not its own."""
_SAME_PRODUCT_GIB = 0.08
"""The memory that a driver reports tells products apart."""


@dataclass(frozen=True)
class Question:
    """What the planner is asked for one row."""

    request: PlanRequest
    model: Model
    gpu_known: bool
    """Otherwise only the weights can be told."""
    split_known: bool
    """Whether the row says over how many GPUs the model is spread."""


class Unanswerable(ValueError):  # noqa: N818 - says what the row is
    """The row lacks something without which nothing can be planned; the message says what."""


def question_of(row: dict[str, Any], facts: dict[str, dict[str, Any]]) -> Question:
    """The question that a row is. ``facts``: rows of models by name. Raises Unanswerable."""
    row = {key: _number(row.get(key)) if key in _NUMBERS else row.get(key) for key in INPUTS}
    engine = _ENGINES.get(str(row["engine"]).lower())
    if engine is None:
        raise Unanswerable(f"engine {row['engine']} is not planned")
    known = facts.get(str(row["config_ref"])) or facts.get(str(row["model"]))
    if known is None:
        raise Unanswerable("no facts of the model")
    config = config_of(known)
    if config is None:
        raise Unanswerable("the facts of the model have gaps")
    config["max_position_embeddings"] = _longest(row, config)
    quantization = quantization_of(row)
    if not quantization.understood:
        raise Unanswerable(f"quantization {row['quantization']} is not known")
    if quantization.config is not None:
        config["quantization_config"] = quantization.config | _left_out(quantization.config)
        config |= quantized_of(known["model"])
    gpu = _gpu(row)
    version = version_of(row, config["model_type"])
    try:
        spec = Spec.model_validate(_spec(row, engine, quantization.online, gpu, version))
        model = _model(config, known)
        if quantization.scheme is not None:
            model = replace(model, scheme=quantization.scheme)
    except (ValidationError, ModelUnreadable) as error:
        raise Unanswerable(str(error)) from error
    fraction = row["mem_fraction_static"]
    if engine == "SGLang" and fraction is None and gpu is not None:
        parallel = spec.parallelism
        fraction = default_fraction(version, gpu.memory_gib, parallel.tensor * parallel.pipeline, parallel.data)
    request = PlanRequest(spec, version, ModelFiles(config=config), memory_fraction=fraction)
    return Question(request, model, gpu is not None, row["tp"] is not None)


def _number(value: Any) -> float | int | None:
    """A positive number, also where it is written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number) or number <= 0:
        return None
    return int(number) if number == int(number) else number


def _model(config: dict[str, Any], facts: dict[str, Any]) -> Model:
    """The model; where it sees or hears, towers make up what its text layers lack of all parameters."""
    total, family = parameters_of(facts), family_of(facts["model"])
    if family is None or not family.multimodal:
        return read_model(ModelFiles(config=config))
    model = _multimodal(config, family)
    if total is not None and model.parameters > MORE_THAN_ALL * total:
        model = _text_only(config, family)
    missing = (total or 0) - model.parameters - _drafted(model)
    if missing <= 0:
        return model
    tower = Matrix("visual.blocks", model.hidden_size, missing // model.hidden_size, linear=False)
    return replace(model, extra=(*model.extra, tower))


def _multimodal(config: dict[str, Any], family: Family) -> Model:
    """With its towers as they are published or transformers has them by default, or without towers."""
    try:
        return replace(read_model(ModelFiles(config=config)), multimodal=True)
    except ModelUnreadable:
        return _text_only(config, family)


def _text_only(config: dict[str, Any], family: Family) -> Model:
    text = read_model(ModelFiles(config=config | {"model_type": family.text_type}))
    return replace(text, model_type=family.model_type, architecture=family.architecture, multimodal=True)


def _left_out(quantization: dict[str, Any]) -> dict[str, Any]:
    """Quantized checkpoints of multimodal models keep their towers in 16 bit."""
    key = "ignore" if "ignore" in quantization else "modules_to_not_convert"
    return {key: [*quantization.get(key, ()), *TOWERS]}


def _drafted(model: Model) -> int:
    """Elements that a checkpoint has for speculative decoding, where the family's have: one more layer."""
    if model.drafter:
        return sum(matrix.elements for matrix in model.drafter)
    return sum(matrix.elements for matrix in model.layers[-1].matrices) if model.model_type.startswith("qwen3_5") else 0


def _longest(row: dict[str, Any], config: dict[str, Any]) -> int | None:
    # The releases of July 2025 ("-2507") were made for longer texts than those they follow.
    if config["model_type"] in ("qwen3", "qwen3_moe") and "2507" in str(row["model"]):
        return 262144
    longest = config.get("max_position_embeddings")
    return int(longest) if longest is not None else None


def _gpu(row: dict[str, Any]) -> Gpu | None:
    memory = row["gpu_gib"]
    named = parse_name(str(row["gpu"])) if row["gpu"] else None
    if memory is None:
        return named
    if named is None:
        named = min(catalogue(), key=lambda gpu: abs(gpu.memory_gib - memory))
        if abs(named.memory_gib - memory) > _SAME_PRODUCT_GIB:
            vendor = (
                "amd" if re.search(r"(?i)rocm|radeon|mi3\d\d", f"{row['engine_version']} {row['gpu']}") else "nvidia"
            )
            return Gpu("", memory, vendor, None, "", bf16=True, fp8=True, fp4=True)
    return replace(named, memory_gib=memory)


def _spec(
    row: dict[str, Any], engine: str, online: str | None, gpu: Gpu | None, version: tuple[int, ...]
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "model": {"uri": "hf://org/model"},
        "engine": {"type": engine, "args": _args(row, engine), "env": _env(row, engine)},
        "quantization": online or "auto",
        "dtype": _DTYPES.get(str(row["dtype"]), "auto"),
        "parallelism": {"tensor": row["tp"] or 1, "pipeline": row["pp"] or 1, "data": row["dp"] or 1},
        "gpuMemoryUtilization": row["gpu_memory_utilization"] or _default_share(engine, version),
        "maxModelLen": row["max_model_len"],
        "maxNumSeqs": row["max_num_seqs"],
        "kvCacheDtype": _kv_cache_dtype(row),
        "gpu": _gpu_spec(gpu),
    }
    return {key: value for key, value in spec.items() if value is not None}


def _default_share(engine: str, version: tuple[int, ...]) -> float:
    # https://github.com/vllm-project/vllm/blob/v0.21.0/vllm/config/cache.py
    return 0.92 if engine == "vLLM" and version >= (0, 21) else 0.9


def _kv_cache_dtype(row: dict[str, Any]) -> str:
    text = str(row["kv_cache_dtype"] or "auto")
    if "fp8_ds_mla" in text:
        return "fp8_ds_mla"
    return text.split()[0]


def _gpu_spec(gpu: Gpu | None) -> dict[str, Any]:
    if gpu is None:
        return {"memoryGiB": 4096}
    spec: dict[str, Any] = {"memoryGiB": gpu.memory_gib, "resourceName": f"{gpu.vendor}.com/gpu"}
    if gpu.label:
        spec["type"] = gpu.label
    return spec


def _args(row: dict[str, Any], engine: str) -> list[str]:
    args = []
    if row["enforce_eager"]:
        args.append("--enforce-eager" if engine == "vLLM" else "--disable-cuda-graph")
    if engine == "SGLang" and (row["dp"] or 1) > 1:
        args.append("--enable-dp-attention")
    return args


def _env(row: dict[str, Any], engine: str) -> list[dict[str, str]]:
    if engine == "vLLM" and (is_v0(row) or is_v1(row)):
        return [{"name": "VLLM_USE_V1", "value": "0" if is_v0(row) else "1"}]
    return []
