"""What if it ran on another GPU? --gpu, --gpu-memory-gib and --compare."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace

from modelberth.api.spec import Gpu as GpuSpec
from modelberth.api.spec import Spec
from modelberth.cli.inputs import FAILED, InputError
from modelberth.planner.changes import TENSORS, on_gpu
from modelberth.planner.gpu_names import parse_name
from modelberth.planner.gpus import Gpu, catalogue, find_gpu
from modelberth.planner.plan import Plan
from modelberth.planner.request import PlanRequest


@dataclass(frozen=True)
class WhatIf:
    """GPUs of another kind than the spec's; None leaves what the spec says."""

    gpu: Gpu | None = None
    memory_gib: float | None = None
    anonymous: bool = False
    """Only the memory of the GPU is known: what the spec says of its own does not count."""

    def applied(self, spec: Spec) -> Spec:
        """The spec on that GPU. Device CPU has none."""
        if spec.device == "CPU":
            return spec
        gpu = spec.gpu
        if self.gpu is not None:
            gpu = on_gpu(gpu, self.gpu)
        elif self.anonymous:
            gpu = GpuSpec(resource_name=gpu.resource_name)
        if self.memory_gib is not None:
            gpu = gpu.model_copy(update={"memory_gib": self.memory_gib})
        return spec.model_copy(update={"gpu": gpu})


@dataclass(frozen=True)
class Compared:
    """The same spec on one GPU of the catalogue."""

    gpu: Gpu
    plan: Plan
    tensor: int | None
    """Smallest parallelism.tensor (a power of two up to 8) that fits; None where none does."""


def what_if(label: str | None, memory_gib: float | None) -> WhatIf:
    """From --gpu and --gpu-memory-gib. Raises InputError for a GPU that nobody knows and whose memory is not given."""
    if label is None:
        return WhatIf(memory_gib=memory_gib)
    gpu = parse_name(label)
    if gpu is not None:
        # "RTX 4090 48GB": a card whose memory is not the catalogue's.
        return WhatIf(gpu, memory_gib or (gpu.memory_gib if find_gpu(gpu.label) != gpu else None))
    if memory_gib is None:
        raise InputError(
            FAILED, f"--gpu {label}: no such GPU in the catalogue{_near(label)}; name another or add --gpu-memory-gib"
        )
    return WhatIf(memory_gib=memory_gib, anonymous=True)


def compared(request: PlanRequest, plan_once: Callable[[PlanRequest], Plan]) -> tuple[Compared, ...]:
    """The request on every GPU of the catalogue; empty on device CPU."""
    if request.spec.device == "CPU":
        return ()
    return tuple(_on(request, gpu, plan_once) for gpu in catalogue())


def _on(request: PlanRequest, gpu: Gpu, plan_once: Callable[[PlanRequest], Plan]) -> Compared:
    spec = request.spec.model_copy(update={"gpu": on_gpu(request.spec.gpu, gpu)})
    plan = plan_once(replace(request, spec=spec))
    for tensor in TENSORS:
        split = spec.model_copy(update={"parallelism": spec.parallelism.model_copy(update={"tensor": tensor})})
        if plan_once(replace(request, spec=split)).fits:
            return Compared(gpu, plan, tensor)
    return Compared(gpu, plan, spec.parallelism.tensor if plan.fits else None)


def _near(label: str) -> str:
    labels = {gpu.label.lower(): gpu.label for gpu in catalogue()}
    near = difflib.get_close_matches(label.lower(), labels, n=5, cutoff=0.4)
    return f", which has {', '.join(labels[name] for name in near)}" if near else ""
