"""What spec.gpu asks of the node: a resource of the GPU's own vendor, and GPUs that can work together."""

from collections.abc import Iterator

from modelberth.api.finding import Finding
from modelberth.planner.gpus import is_slice, resource_of
from modelberth.planner.rules.case import Case, refused

_VENDORS = {"nvidia": "nvidia.com/", "amd": "amd.com/"}
"""Prefixes of the resources that each vendor's device plugin offers."""


def devices(case: Case) -> Iterator[Finding]:
    """A resource that no such node has, and MIG slices that would have to work together."""
    if case.gpu is None:
        return
    resource = case.spec.gpu.resource_name
    others = [prefix for vendor, prefix in _VENDORS.items() if vendor != case.gpu.vendor]
    if resource.startswith(tuple(others)):
        yield refused(
            "spec.gpu.resourceName",
            f"no node with {case.gpu.label} offers {resource}; use {resource_of(case.gpu.vendor)}",
        )
    if is_slice(case.spec.gpu):
        yield from _slices(case)


def _slices(case: Case) -> Iterator[Finding]:
    """ "A single CUDA process can only enumerate a single MIG device" (MIG User Guide, CUDA_VISIBLE_DEVICES:
    https://docs.nvidia.com/datacenter/tesla/mig-user-guide/), ranks of engines count on from there, and NCCL takes
    slices of one GPU for the same device: https://github.com/NVIDIA/nccl/issues/1716."""
    parallelism = case.spec.parallelism
    for way in ("tensor", "pipeline", "data"):
        if getattr(parallelism, way) > 1:
            yield refused(
                f"spec.parallelism.{way}",
                "MIG slices cannot work together: a process sees one of them, and NCCL joins none; use 1 with a larger "
                "slice, or whole GPUs",
            )
