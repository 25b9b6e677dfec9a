"""A planner of ten lines in the place of the real one: weights, one activation, and the rest is KV cache."""

from dataclasses import dataclass, replace
from typing import Any

from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import Finding
from modelberth.api.quantity import amount
from modelberth.api.spec import Spec
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.plan import DOES_NOT_FIT, GIB, UNSUPPORTED, Launch, PerGpu, Plan
from modelberth.planner.request import PlanRequest

BYTES = {"none": 2.0, "fp8": 1.0, "bitsandbytes": 0.55, "awq": 0.55}
CONFIG: dict[str, Any] = {"model_type": "llama", "max_position_embeddings": 131072}


def request(spec: dict[str, Any], files: ModelFiles | None = None) -> PlanRequest:
    """A request for this spec over the smallest one, at the newest version of its engine."""
    made = Spec.model_validate({"model": {"uri": "hf://org/name"}, "engine": {"type": "vLLM"}, **spec})
    return PlanRequest(made, FACTS[made.engine.type].newest, files or ModelFiles(config=CONFIG))


@dataclass
class SimplePlanner:
    """Plans a model of so many parameters (billions), and counts how often it was asked."""

    billions: float = 8.0
    kv_bytes: int = 131072
    sampler_bytes: int = 0
    """Bytes that each of maxNumSeqs sequences costs (256 where it is not set)."""
    heads: int = 32
    asked: int = 0

    def __call__(self, asked: PlanRequest) -> Plan:
        self.asked += 1
        spec, tensor = asked.spec, asked.spec.parallelism.tensor
        gpu = gpu_of(spec.gpu)
        if spec.device == "CPU":
            total = float(amount(spec.resources.limits["memory"])) / GIB
        elif isinstance(gpu, Gpu):
            total = gpu.memory_gib
        else:
            return Plan(None, False, tensor, None, None, None, None, Launch(0.9), (gpu,))
        length = spec.max_model_len or 131072
        budget = total * spec.gpu_memory_utilization
        weights = self._weights(asked) / tensor / GIB
        sampler = self.sampler_bytes * (spec.max_num_seqs or 256) / GIB
        kv_gib = max(budget - weights - 1 - sampler, 0.0)
        kv_bytes = self.kv_bytes / tensor / (2 if spec.kv_cache_dtype in ("fp8", "q8_0") else 1)
        tokens = int(kv_gib * GIB / kv_bytes)
        findings = [*self._refused(spec, gpu if isinstance(gpu, Gpu) else None)]
        if tokens < length:
            findings.append(Finding("spec.maxModelLen", "does not fit", DOES_NOT_FIT))
        return Plan(
            fits=not findings,
            estimated=False,
            gpus_per_replica=0 if spec.device == "CPU" else tensor,
            per_gpu=PerGpu(total, budget, weights, 1.0, sampler, kv_gib),
            kv_cache_tokens=tokens,
            max_concurrency=tokens / length,
            max_model_len=length,
            launch=Launch(0.9),
            findings=tuple(findings),
        )

    def _weights(self, asked: PlanRequest) -> float:
        if asked.files.gguf is not None:
            return float(sum(asked.files.gguf.layer_bytes) + asked.files.gguf.output_bytes)
        section = (asked.files.config or {}).get("quantization_config")
        method = section["quant_method"] if section else asked.spec.quantization
        width = 2.0 if asked.spec.dtype == "float32" else 1.0
        return self.billions * 1e9 * BYTES["none" if method == "auto" else method] * width

    def _refused(self, spec: Spec, gpu: Gpu | None) -> list[Finding]:
        found = []
        if gpu and not gpu.bf16 and spec.dtype == "bfloat16":
            found.append(Finding("spec.dtype", f"{gpu.label} has no bfloat16; use half", UNSUPPORTED))
        if gpu and not gpu.fp8 and spec.kv_cache_dtype == "fp8":
            found.append(Finding("spec.kvCacheDtype", f"{gpu.label} has no fp8; use auto", UNSUPPORTED))
        if self.heads % spec.parallelism.tensor:
            found.append(Finding("spec.parallelism.tensor", f"must divide {self.heads}", UNSUPPORTED))
        return found


def changed(asked: PlanRequest, **fields: Any) -> PlanRequest:
    """The request with fields of the spec replaced, by their names in YAML."""
    record = asked.spec.model_dump(by_alias=True, exclude_unset=True)
    return replace(asked, spec=Spec.model_validate({**record, **fields}))
