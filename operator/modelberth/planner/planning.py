"""Will it fit? One answer per ModelDeployment."""

from dataclasses import replace

from modelberth.api.engine_facts import Version
from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import Finding
from modelberth.api.quantity import amount
from modelberth.api.spec import Spec
from modelberth.planner.advice import advise
from modelberth.planner.arguments import Arguments
from modelberth.planner.budgets import rule_of
from modelberth.planner.budgets.budget import Budget, Situation
from modelberth.planner.config.reading import ModelUnreadable, read_model
from modelberth.planner.files import Gguf, ModelFiles
from modelberth.planner.gguf_model import model_of_gguf
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.model import Model
from modelberth.planner.overheads import Profiles
from modelberth.planner.plan import GIB, UNKNOWN_GPU, UNKNOWN_MODEL, PerGpu, Plan
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules import BLOCKING, rule_findings
from modelberth.planner.unjudged import unjudged_launch

ASSUMED_LENGTH = 4096
"""Tokens, where neither the spec nor the model names a length."""


def plan(request: PlanRequest) -> Plan:
    """The plan with findings and, where it does not fit, advice. Never raises."""
    planner = _Planner()
    found = planner.plan(request)
    return replace(found, advice=advise(request, planner.plan)) if found.fits is False else found


def plan_once(request: PlanRequest) -> Plan:
    """The plan without advice. Never raises."""
    return _Planner().plan(request)


def plan_of(request: PlanRequest, model: Model, profiles: Profiles | None = None) -> Plan:
    """The plan of a model that was read already. Never raises. ``profiles``: other overheads than the shipped ones."""
    situation = situation_of(request, model)
    if isinstance(situation, Finding):
        return _unknown(request.spec, situation)
    if profiles is not None:
        situation = replace(situation, profiles=profiles)
    spec = request.spec
    budget = rule_of(spec.engine.type, spec.device)(situation)
    assumed = (
        *_assumed_version(request),
        *model.estimated,
        *request.missing,
        *_assumed_length(situation, model),
        *budget.assumed,
    )
    return _plan(situation, budget, tuple(rule_findings(request, model, situation.gpu)), assumed)


class _Planner:
    """Plans that share what was read: advice asks for the same files dozens of times."""

    def __init__(self) -> None:
        self._models: dict[tuple[int, bool], tuple[ModelFiles, Model]] = {}

    def plan(self, request: PlanRequest) -> Plan:
        _, gpu = _memory(request.spec)
        if isinstance(gpu, Finding):
            return _unknown(request.spec, gpu)
        try:
            model = self._read(request)
        except ModelUnreadable as error:
            reason = "; ".join(request.missing) or str(error)
            return _unknown(request.spec, Finding("spec.model.uri", reason, UNKNOWN_MODEL))
        return plan_of(request, model)

    def _read(self, request: PlanRequest) -> Model:
        files = request.files
        by_header = request.spec.engine.type == "LlamaCpp" or files.config is None
        # Beside the model, its files are kept: an id is of use only while its object lives.
        key = (id(files), by_header)
        if key not in self._models:
            self._models[key] = (files, _model_of_header(files.gguf) if by_header and files.gguf else read_model(files))
        return self._models[key][1]


def _model_of_header(gguf: Gguf) -> Model:
    """Raises ModelUnreadable for a file without tensors: a vocabulary for tests, or a download that broke off."""
    if not sum(gguf.layer_bytes):
        raise ModelUnreadable("the header of the GGUF file names no tensors of a model")
    return model_of_gguf(gguf)


def situation_of(request: PlanRequest, model: Model) -> Situation | Finding:
    """What a budget is made from; a finding where the memory is not known."""
    spec = request.spec
    memory, gpu = _memory(spec)
    if isinstance(gpu, Finding):
        return gpu
    return Situation(
        spec=spec,
        version=request.engine_version,
        model=model,
        memory=memory,
        gpu=gpu,
        arguments=Arguments(spec.engine.args, spec.engine.env),
        max_model_len=spec.max_model_len or model.max_len or ASSUMED_LENGTH,
        files=request.files,
        memory_fraction=request.memory_fraction,
    )


def _memory(spec: Spec) -> tuple[int, Gpu | Finding | None]:
    """Bytes of a GPU or of the memory limit, and the GPU."""
    if spec.device == "GPU":
        gpu = gpu_of(spec.gpu)
        return (0, gpu) if isinstance(gpu, Finding) else (int(gpu.memory_gib * GIB), gpu)
    limit = spec.resources.limits.get("memory")
    if limit is None:
        return 0, Finding("spec.resources.limits", "the budget of device CPU is its memory limit; set one", UNKNOWN_GPU)
    return int(amount(limit)), None


def _assumed_version(request: PlanRequest) -> tuple[str, ...]:
    """The rules of an engine are known up to a version, and only where the image tells which it is."""
    engine = request.spec.engine.type
    newest = FACTS[engine].newest
    if not request.version_known:
        return (f"the image does not tell its version: taken as {engine} {_number(request.engine_version)}",)
    if request.engine_version[:2] > newest[:2]:
        return (f"{engine} {_number(request.engine_version)} is taken as {_number(newest)}, the newest that is known",)
    return ()


def _number(version: Version) -> str:
    return ".".join(map(str, version))


def _assumed_length(situation: Situation, model: Model) -> tuple[str, ...]:
    if situation.spec.max_model_len or model.max_len:
        return ()
    return (f"maxModelLen is taken as {ASSUMED_LENGTH} tokens: the model's files name none",)


def _plan(situation: Situation, budget: Budget, rules: tuple[Finding, ...], assumed: tuple[str, ...]) -> Plan:
    return Plan(
        fits=not budget.problems and not any(finding.reason in BLOCKING for finding in rules),
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
        findings=(*rules, *budget.problems, *budget.warnings),
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
        launch=unjudged_launch(spec),
        findings=(finding,),
    )


def gpus_per_replica(spec: Spec) -> int:
    """tensor x pipeline x data; 0 on device CPU."""
    parallel = spec.parallelism
    return 0 if spec.device == "CPU" else parallel.tensor * parallel.pipeline * parallel.data
