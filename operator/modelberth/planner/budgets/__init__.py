"""Memory budgets, one file per engine: which bytes of a GPU, or of a memory limit, go where."""

from modelberth.api.spec import Device, EngineType
from modelberth.planner.budgets import cpu, llama_cpp, sglang, vllm
from modelberth.planner.budgets.budget import BudgetRule

_RULES: dict[tuple[EngineType, Device], BudgetRule] = {
    ("vLLM", "GPU"): vllm.budget,
    ("SGLang", "GPU"): sglang.budget,
    ("LlamaCpp", "GPU"): llama_cpp.budget,
    ("vLLM", "CPU"): cpu.vllm_budget,
    ("SGLang", "CPU"): cpu.sglang_budget,
    ("LlamaCpp", "CPU"): llama_cpp.budget,
}


def rule_of(engine: EngineType, device: Device) -> BudgetRule:
    """The arithmetic of an engine on a device."""
    return _RULES[engine, device]
