"""Will it fit? One answer per ModelDeployment."""

from modelberth.api.finding import Finding
from modelberth.api.spec import Spec
from modelberth.planner.arguments import Arguments
from modelberth.planner.budgets import sglang, vllm
from modelberth.planner.budgets.budget import Budget, BudgetRule, Situation
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.model import Model
from modelberth.planner.plan import GIB, UNKNOWN_MODEL, Launch, PerGpu, Plan
from modelberth.planner.request import PlanRequest

ASSUMED_LENGTH = 4096
"""Tokens, where neither the spec nor the model names a length."""

_RULES: dict[str, BudgetRule] = {"vLLM": vllm.budget, "SGLang": sglang.budget}


def plan(request: PlanRequest) -> Plan:
    """The plan with findings and, where it does not fit, advice. Never raises."""
    return _Planner().plan(request)


def plan_once(request: PlanRequest) -> Plan:
    """The plan without advice. Never raises."""
    return _Planner().plan(request)


def plan_of(request: PlanRequest, model: Model) -> Plan:
    """The plan of a model that was read already. Never raises."""
    gpu = gpu_of(request.spec.gpu)
    if isinstance(gpu, Finding):
        return _unknown(request.spec, gpu)
    situation, assumed = _situation(request, model, gpu)
    budget = _RULES[request.spec.engine.type](situation)
    return _plan(situation, budget, (*model.estimated, *request.missing, *assumed))


class _Planner:
    """Plans that share what was read: advice asks for the same files dozens of times."""

    def __init__(self) -> None:
        self._models: dict[int, tuple[ModelFiles, Model]] = {}

    def plan(self, request: PlanRequest) -> Plan:
        try:
            model = self._read(request.files)
        except ModelUnreadable as error:
            reason = "; ".join(request.missing) or str(error)
            return _unknown(request.spec, Finding("spec.model.uri", reason, UNKNOWN_MODEL))
        return plan_of(request, model)

    def _read(self, files: ModelFiles) -> Model:
        # Beside the model, its files are kept: an id is of use only while its object lives.
        if id(files) not in self._models:
            self._models[id(files)] = (files, read_model(files))
        return self._models[id(files)][1]


def _situation(request: PlanRequest, model: Model, gpu: Gpu) -> tuple[Situation, tuple[str, ...]]:
    spec = request.spec
    length = spec.max_model_len or model.max_len
    assumed = () if length else (f"maxModelLen is taken as {ASSUMED_LENGTH} tokens, config.json names none",)
    situation = Situation(
        spec=spec,
        version=request.engine_version,
        model=model,
        memory=int(gpu.memory_gib * GIB),
        gpu=gpu,
        arguments=Arguments(spec.engine.args, spec.engine.env),
        max_model_len=length or ASSUMED_LENGTH,
        files=request.files,
        memory_fraction=request.memory_fraction,
    )
    return situation, assumed


def _plan(situation: Situation, budget: Budget, assumed: tuple[str, ...]) -> Plan:
    assumed = (*assumed, *budget.assumed)
    return Plan(
        fits=not budget.problems,
        estimated=bool(assumed),
        gpus_per_replica=gpus_per_replica(situation.spec),
        per_gpu=PerGpu(
            total_gib=situation.memory / GIB,
            budget_gib=budget.budget / GIB,
            weights_gib=budget.weights / GIB,
            activation_gib=budget.activation / GIB,
            overhead_gib=budget.overhead / GIB,
            kv_cache_gib=max(budget.kv_cache, 0) / GIB,
        ),
        kv_cache_tokens=budget.kv_tokens,
        max_concurrency=budget.max_concurrency,
        max_model_len=situation.max_model_len,
        launch=budget.launch,
        findings=(*budget.problems, *budget.warnings),
        assumed=assumed,
    )


def _unknown(spec: Spec, finding: Finding) -> Plan:
    return Plan(
        fits=None,
        estimated=True,
        gpus_per_replica=gpus_per_replica(spec),
        per_gpu=None,
        kv_cache_tokens=None,
        max_concurrency=None,
        max_model_len=spec.max_model_len,
        launch=Launch(memory_fraction=spec.gpu_memory_utilization),
        findings=(finding,),
    )


def gpus_per_replica(spec: Spec) -> int:
    """tensor x pipeline x data; 0 on device CPU."""
    parallel = spec.parallelism
    return 0 if spec.device == "CPU" else parallel.tensor * parallel.pipeline * parallel.data
