"""GPUs by the label that their device plugin puts on nodes. The data is in gpus.json, with its sources."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One product."""

    label: str
    """As GPU feature discovery (NVIDIA) or the node labeller (AMD) publish it: NVIDIA-L4, ..."""
    memory_gib: float
    """As the driver reports it to torch (torch.cuda.get_device_properties.total_memory)."""
    vendor: str
    """nvidia or amd."""
    compute_capability: tuple[int, int] | None
    """(8, 9); None for AMD."""
    architecture: str
    """Ada, Hopper, CDNA3, ..."""
    bf16: bool
    fp8: bool
    """Native fp8 matrix multiplication; without it fp8 weights are weight-only (Marlin) from 8.0 on."""
    fp4: bool
    price_class: int = 0
    """Order in which bigger GPUs are offered: the smaller, the more common and cheaper."""
