"""Every engine, and the image that runs it where neither the spec nor the chart names one."""

from modelberth.api.spec import Device, EngineType
from modelberth.engines.engine import Engine
from modelberth.engines.llama_cpp import LlamaCpp
from modelberth.engines.sglang import SGLang
from modelberth.engines.vllm import VLLM

ENGINES: dict[EngineType, Engine] = {"vLLM": VLLM(), "SGLang": SGLang(), "LlamaCpp": LlamaCpp()}

IMAGES: dict[EngineType, dict[Device, str]] = {
    "vLLM": {"GPU": "vllm/vllm-openai:v0.32.0", "CPU": "vllm/vllm-openai-cpu:v0.32.0"},
    "SGLang": {"GPU": "lmsysorg/sglang:v0.5.23", "CPU": "lmsysorg/sglang:v0.5.23-xeon"},
    "LlamaCpp": {
        "GPU": "ghcr.io/ggml-org/llama.cpp:server-cuda-b11669",
        "CPU": "ghcr.io/ggml-org/llama.cpp:server-b11669",
    },
}
