"""Models, GPUs and questions for the rules of hardware, types and splits."""

from typing import Any

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.api.spec import Spec
from modelberth.planner.config.reading import read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules import BLOCKING, rule_findings

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "intermediate_size": 14336,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}
GEMMA = LLAMA | {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "head_dim": 256}
MIXTURE = LLAMA | {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 1536,
}
DEEPSEEK = LLAMA | {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "kv_lora_rank": 512,
    "q_lora_rank": None,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
}


def quantized(config: dict[str, Any], method: str, **section: Any) -> dict[str, Any]:
    return config | {"quantization_config": {"quant_method": method, **section}}


AWQ = quantized(LLAMA, "awq", bits=4, group_size=128, zero_point=True)
GPTQ = quantized(LLAMA, "gptq", bits=4, group_size=128)
FP8 = quantized(LLAMA, "fp8", activation_scheme="dynamic")
FP8_BLOCKS = quantized(MIXTURE, "fp8", weight_block_size=[128, 128])
INT4 = quantized(LLAMA, "compressed-tensors", format="pack-quantized")
INT8 = quantized(LLAMA, "compressed-tensors", format="int-quantized")
NVFP4 = quantized(LLAMA, "modelopt", quant_algo="NVFP4")
MODELOPT_FP8 = quantized(LLAMA, "modelopt", quant_algo="FP8")
MXFP4 = quantized(MIXTURE, "mxfp4")
NF4 = quantized(LLAMA, "bitsandbytes", load_in_4bit=True)

P100, V100, T4 = "Tesla-P100-PCIE-16GB", "Tesla-V100-SXM2-16GB", "Tesla-T4"
A100, L4, H100, B200 = "NVIDIA-A100-SXM4-80GB", "NVIDIA-L4", "NVIDIA-H100-80GB-HBM3", "NVIDIA-B200"
MI210, MI300X = "AMD_Instinct_MI210", "AMD_Instinct_MI300X_OAM"

V_NEW: Version = (0, 33, 0)
S_NEW: Version = (0, 5, 23)


def judge(
    gpu: str | dict[str, Any],
    config: dict[str, Any] = LLAMA,
    version: Version = V_NEW,
    files: ModelFiles | None = None,
    **fields: Any,
) -> list[Finding]:
    if isinstance(gpu, str):
        gpu = {"type": gpu, "resourceName": "amd.com/gpu" if gpu.startswith("AMD_") else "nvidia.com/gpu"}
    record = {"model": {"uri": "hf://org/model"}, "engine": {"type": "vLLM"}, "gpu": gpu, **fields}
    spec = Spec.model_validate(record)
    found = None if spec.device == "CPU" else gpu_of(spec.gpu)
    assert found is None or isinstance(found, Gpu)
    files = files or ModelFiles(config=config)
    return rule_findings(PlanRequest(spec, version, files), read_model(files), found)


def fields_of(findings: list[Finding], blocking: bool = True) -> list[str]:
    return [finding.field.removeprefix("spec.") for finding in findings if (finding.reason in BLOCKING) == blocking]


def sglang(**engine: Any) -> dict[str, Any]:
    return {"type": "SGLang", **engine}
