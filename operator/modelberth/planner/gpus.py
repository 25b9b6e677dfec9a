"""GPUs by the label that their device plugin puts on nodes. The data is in gpus.json, with its sources."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from modelberth.api.finding import Finding
from modelberth.api.spec import Gpu as GpuSpec
from modelberth.planner.plan import UNKNOWN_GPU

ComputeCapability = tuple[int, int]


@dataclass(frozen=True)
class Gpu:
    """One product, or one MIG slice of it."""

    label: str
    """As GPU feature discovery (NVIDIA) or the node labeller (AMD) publish it: NVIDIA-L4, ..."""
    memory_gib: float
    """As the driver reports it to torch (torch.cuda.get_device_properties.total_memory)."""
    vendor: str
    """nvidia or amd."""
    compute_capability: tuple[int, int] | None
    """(8, 9); None for AMD, and for an unknown NVIDIA GPU."""
    architecture: str
    """Ada, Hopper, CDNA3, ...; empty for an unknown GPU."""
    bf16: bool
    fp8: bool
    """Native fp8 matrix multiplication; without it fp8 weights are weight-only (Marlin) from 8.0 on."""
    fp4: bool
    price_class: int = 0
    """Order in which bigger GPUs are offered: the smaller, the more common and cheaper. 0 is never offered."""
    estimated: bool = False
    """The memory was computed from the size of the product, not seen in a log."""


@dataclass(frozen=True)
class Product:
    """A GPU of the catalogue with what finds it."""

    gpu: Gpu
    names: tuple[str, ...]
    """As people write it, without the size: "H100", "RTX 4090"."""
    aliases: tuple[str, ...]
    """Other labels: of older drivers, of clouds (GKE, Karpenter), of form factors alike in memory."""
    size_gb: int
    """As it is sold."""
    slices: Mapping[str, float]
    """Memory in GiB of its MIG profiles: {"1g.10gb": 9.5}; empty without MIG."""
    slices_estimated: bool


# NVIDIA: https://developer.nvidia.com/cuda-gpus and the types of tensor cores in the CUDA programming guide.
_BF16_SINCE, _FP8_SINCE, _FP4_SINCE = (8, 0), (8, 9), (10, 0)

# bf16, fp8, fp4; https://rocm.docs.amd.com/en/latest/reference/precision-support.html
_AMD_TYPES = {
    "CDNA": (True, False, False),
    "CDNA2": (True, False, False),
    "CDNA3": (True, True, False),
    "CDNA4": (True, True, True),
    "RDNA3": (True, False, False),
}

_PROFILE = r"(?P<profile>[0-9]+g\.[0-9]+gb)(?:[.+-][a-z.]+)*"
# NVIDIA-A100-SXM4-80GB-MIG-1g.10gb, -MIG-1g.10gb.me (media extensions): same memory
_SLICE_LABEL = re.compile(rf"(?P<whole>.+)-mig-{_PROFILE}")
_SLICE_RESOURCE = re.compile(rf"nvidia\.com/mig-{_PROFILE}")

_WAY_OUT = "set gpu.memoryGiB to the memory of one GPU in GiB, as the driver reports it"


def find_gpu(label: str) -> Gpu | None:
    """The GPU that a node label names, in any case, with or without the suffix of GPU sharing; None if unknown."""
    name = label.lower().removesuffix("-shared")
    product = _by_label().get(name)
    if product is not None:
        return product.gpu
    match = _SLICE_LABEL.fullmatch(name)
    whole = _by_label().get(match["whole"]) if match else None
    return mig_slice(whole, match["profile"]) if match and whole else None


def gpu_of(gpu: GpuSpec) -> Gpu | Finding:
    """The GPU of a spec: spec.gpu.memoryGiB and computeCapability complete or overrule the catalogue."""
    known = _known(gpu)
    if isinstance(known, Finding):
        return known
    changes: dict[str, Any] = {}
    if gpu.memory_gib is not None:
        changes |= {"memory_gib": gpu.memory_gib, "estimated": False}
    if gpu.compute_capability is not None:
        major, _, minor = gpu.compute_capability.partition(".")
        capability = (int(major), int(minor))
        changes |= {"compute_capability": capability, **_nvidia_types(capability)}
    return replace(known, **changes)


def catalogue() -> tuple[Gpu, ...]:
    """Every whole GPU: first those that are offered, by price class; then data centre, workstation, consumer, AMD."""
    return tuple(product.gpu for product in products())


def bigger_than(memory_gib: float, vendor: str = "nvidia") -> tuple[Gpu, ...]:
    """Current data-centre GPUs with more memory, the cheapest class first."""
    offered = (gpu for gpu in catalogue() if gpu.price_class and gpu.vendor == vendor and gpu.memory_gib > memory_gib)
    return tuple(sorted(offered, key=lambda gpu: (gpu.price_class, gpu.memory_gib)))


def mig_slice(product: Product, profile: str) -> Gpu | None:
    """A MIG slice of the GPU ("1g.10gb"): its memory, everything else as the whole; None if it has no such profile."""
    memory = product.slices.get(profile)
    if memory is None:
        return None
    return replace(
        product.gpu,
        label=f"{product.gpu.label}-MIG-{profile}",
        memory_gib=memory,
        price_class=0,
        estimated=product.slices_estimated,
    )


def is_slice(spec: GpuSpec) -> bool:
    """Whether the spec asks for MIG slices, by label or by resource."""
    by_label = spec.type is not None and _SLICE_LABEL.fullmatch(spec.type.lower().removesuffix("-shared"))
    return bool(by_label or _SLICE_RESOURCE.fullmatch(spec.resource_name.lower()))


def resource_of(vendor: str) -> str:
    """The resource that the vendor's device plugin offers for whole GPUs."""
    return "amd.com/gpu" if vendor == "amd" else "nvidia.com/gpu"


@cache
def products() -> tuple[Product, ...]:
    """The catalogue with the names of every GPU, in the order of the file."""
    record = json.loads(resources.files(__package__).joinpath("gpus.json").read_text())
    return tuple(_product(entry, record["mig"]) for entry in record["gpus"])


def _known(spec: GpuSpec) -> Gpu | Finding:
    resource = _SLICE_RESOURCE.fullmatch(spec.resource_name.lower())
    if spec.type is None:
        if spec.memory_gib is None:
            return Finding("spec.gpu.type", f"no GPU is named; set gpu.type, or {_WAY_OUT}", UNKNOWN_GPU)
        return _anonymous(spec, spec.memory_gib)
    found = find_gpu(spec.type)
    # MIG strategy "mixed": the resource names the slice, the label still the whole GPU.
    if found is not None and resource is not None and "-MIG-" not in found.label:
        found = mig_slice(_by_label()[found.label.lower()], resource["profile"])
        if found is None and spec.memory_gib is None:
            message = f"{spec.type} has no MIG profile {resource['profile']} in the catalogue; {_WAY_OUT}"
            return Finding("spec.gpu.resourceName", message, UNKNOWN_GPU)
    if found is not None:
        return found
    if spec.memory_gib is None:
        near = _near(spec.type)
        message = (
            f"{spec.type} is not in the catalogue of GPUs{near}; {'use such a label, or ' if near else ''}{_WAY_OUT}"
        )
        return Finding("spec.gpu.type", message, UNKNOWN_GPU)
    return _anonymous(spec, spec.memory_gib)


def _anonymous(spec: GpuSpec, memory_gib: float) -> Gpu:
    """A GPU of which only the memory is known: nothing is refused for want of a feature."""
    vendor = "amd" if spec.resource_name.startswith("amd.com/") else "nvidia"
    return Gpu(spec.type or f"{memory_gib:g} GiB", memory_gib, vendor, None, "", bf16=True, fp8=True, fp4=True)


def _near(label: str) -> str:
    """ ", which has A, B" for labels that hold this one or look like it, else empty."""
    spelled = {name: product.gpu.label for name, product in _by_label().items()}
    near = [name for name in spelled if label.lower() in name] + difflib.get_close_matches(label.lower(), spelled)
    labels = list(dict.fromkeys(spelled[name] for name in near))[:3]
    return f", which has {', '.join(labels)}" if labels else ""


def _product(entry: Mapping[str, Any], slices: Mapping[str, Any]) -> Product:
    mig = slices.get(entry.get("mig", ""), {})
    return Product(
        gpu=_gpu(entry),
        names=tuple(entry["names"]),
        aliases=tuple(entry.get("aliases", ())),
        size_gb=entry["size_gb"],
        slices=mig.get("memory_gib", {}),
        slices_estimated=mig.get("estimated", False),
    )


def _gpu(entry: Mapping[str, Any]) -> Gpu:
    capability = None
    if "compute_capability" in entry:
        major, minor = entry["compute_capability"].split(".")
        capability = (int(major), int(minor))
    bf16, fp8, fp4 = _AMD_TYPES.get(entry["architecture"], (False, False, False))
    types = _nvidia_types(capability) if capability else {"bf16": bf16, "fp8": fp8, "fp4": fp4}
    return Gpu(
        label=entry["label"],
        memory_gib=entry["memory_gib"],
        vendor=entry["vendor"],
        compute_capability=capability,
        architecture=entry["architecture"],
        price_class=entry.get("price_class", 0),
        estimated=entry.get("estimated", False),
        **types,
    )


def _nvidia_types(capability: ComputeCapability) -> dict[str, bool]:
    return {
        "bf16": capability >= _BF16_SINCE,
        "fp8": capability >= _FP8_SINCE,
        "fp4": capability >= _FP4_SINCE,
    }


@cache
def _by_label() -> dict[str, Product]:
    return {label.lower(): product for product in products() for label in (product.gpu.label, *product.aliases)}
