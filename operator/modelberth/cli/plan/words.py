"""How the table and the Markdown put an answer into words."""

from modelberth.api.spec import Spec
from modelberth.cli.inputs import printable
from modelberth.cli.plan.bar import EXCESS, NOT_USED
from modelberth.cli.plan.judging import Judged
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.plan import PerGpu

ROUNDING_GIB = 0.005


def title(judged: Judged) -> str:
    """NAME, or NAMESPACE/NAME outside of the namespace default."""
    namespace = judged.md.namespace if judged.md else "default"
    return printable(judged.given.name if namespace == "default" else f"{namespace}/{judged.given.name}")


def verdict(judged: Judged) -> str:
    """fits, does not fit, not judged or invalid."""
    if judged.invalid:
        return "invalid"
    return {True: "fits", False: "does not fit", None: "not judged"}[judged.fits]


def hardware(spec: Spec) -> str:
    """What one GPU is, in the words of the spec: its label; on the CPU the memory limit."""
    if spec.device == "CPU":
        return f"CPU with {spec.resources.limits.get('memory', 'no')} of memory"
    gpu = gpu_of(spec.gpu)
    return gpu.label if isinstance(gpu, Gpu) else spec.gpu.type or "an unnamed GPU"


def gpus(judged: Judged) -> str:
    """1 GPU per replica; empty on the CPU."""
    count = judged.plan.gpus_per_replica if judged.plan else 0
    return f"{count} GPU{'s' if count > 1 else ''} per replica" if count else ""


def answer(fits: bool | None) -> str:
    """yes, no, or a question mark."""
    return {True: "yes", False: "no", None: "?"}[fits]


def parts(per_gpu: PerGpu) -> dict[str, float]:
    """What one GPU is filled with, in GiB, in the order of a bar."""
    return {
        "weights": per_gpu.weights_gib,
        "activation": per_gpu.activation_gib,
        "overhead": per_gpu.overhead_gib,
        "KV cache": per_gpu.kv_cache_gib,
    }


def sizes(per_gpu: PerGpu) -> dict[str, float]:
    """The parts that are there, what they are beyond their share of the GPU, and what is left of the GPU, in GiB."""
    filled = parts(per_gpu)
    taken = sum(filled.values())
    excess = taken - per_gpu.budget_gib
    rest = {EXCESS: excess if excess > ROUNDING_GIB else 0.0, NOT_USED: per_gpu.total_gib - taken}
    return {name: size for name, size in {**filled, **rest}.items() if size > 0}
