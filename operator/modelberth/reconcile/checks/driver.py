"""GPU drivers that the container runtime finds too old, or does not find."""

import re

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.crashes import start_error
from modelberth.reconcile.checks.found import Found

_SAYS = re.compile(r"nvidia-container-cli: ([^\n]+?)(?:: unknown)?$", re.MULTILINE)


def driver_unfit(case: Case) -> Found | None:
    """NVIDIA's hook compares the CUDA version that the image asks for with the driver before anything starts.

    https://github.com/NVIDIA/nvidia-container-toolkit/issues/152 and
    https://github.com/NVIDIA/nvidia-container-toolkit/issues/154 quote it.
    """
    for container in case.containers():
        if (found := _SAYS.search(start_error(container) or "")) is None:
            continue
        if "unsatisfied condition" in found[1]:
            what = f"The GPU driver of the node is too old for the image of container {container.name}"
            advice = "Update the driver, or set spec.engine.image to a build for an older CUDA version"
        else:
            what = f"The node has no GPU driver that container {container.name} could use"
            advice = "Install it (NVIDIA's GPU operator does), or choose other nodes by spec.gpu.type"
        return Found("DriverTooOld", what, found[1], advice)
    return None
