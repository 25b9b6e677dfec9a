"""Answers made by hand, for tests of how they are printed."""

from dataclasses import replace
from typing import Any

from modelberth.api.finding import Finding
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.cli.inputs import Given
from modelberth.cli.plan.judging import Judged
from modelberth.cli.plan.what_if import Compared
from modelberth.planner.gpus import Gpu, find_gpu
from modelberth.planner.plan import Advice, Launch, PerGpu, Plan
from tests.cli.plans import on

FITTING = Plan(
    fits=True,
    estimated=False,
    gpus_per_replica=1,
    per_gpu=PerGpu(22.0, 20.0, 15.0, 1.0, 0.5, 3.5),
    kv_cache_tokens=28672,
    max_concurrency=7.0,
    max_model_len=4096,
    launch=Launch(0.9),
)
FAILING = replace(
    FITTING,
    fits=False,
    max_concurrency=0.21875,
    max_model_len=131072,
    findings=(Finding("spec.maxModelLen", "one request needs 16.00 GiB, 3.50 GiB is left", "DoesNotFit"),),
    advice=(
        Advice("maxModelLen: 28672", True, 28672, 1.0),
        Advice("quantization: fp8 (8.5 GiB of weights per GPU)", True, 140000, 1.07),
    ),
)
UNJUDGED = replace(
    FITTING,
    fits=None,
    estimated=True,
    per_gpu=None,
    kv_cache_tokens=None,
    max_concurrency=None,
    findings=(Finding("spec.gpu.type", "Unheard-of is not in the catalogue", "UnknownGpu"),),
)


def judged(plan: Plan, name: str = "a", **fields: Any) -> Judged:
    """The answer for a resource of that name on an L4."""
    made = on(name=name)
    return Judged(Given("x.yaml:1", made), ModelDeployment.model_validate(made), (), plan, (), "vLLM 0.32.0", **fields)


def invalid(message: str = "must be positive", name: str = "bad") -> Judged:
    """A resource that was not planned."""
    return Judged(Given("x.yaml:9", on(name=name)), invalid=(Finding("spec.maxModelLen", message),))


def compared(label: str, plan: Plan, tensor: int | None) -> Compared:
    """A row of --compare."""
    gpu = find_gpu(label)
    assert isinstance(gpu, Gpu)
    return Compared(gpu, plan, tensor)
