"""Memory budgets, one file per engine: which bytes of a GPU, or of a memory limit, go where."""

from modelberth.api.spec import Device, EngineType
from modelberth.planner.budgets import llama_cpp, sglang, vllm
from modelberth.planner.budgets.budget import BudgetRule

_GPU_RULES: dict[EngineType, BudgetRule] = {"vLLM": vllm.budget, "SGLang": sglang.budget, "LlamaCpp": llama_cpp.budget}


def rule_of(engine: EngineType, device: Device) -> BudgetRule:
    """The arithmetic of an engine on a device."""
    return _GPU_RULES[engine]
