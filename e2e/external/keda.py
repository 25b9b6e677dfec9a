"""The real KEDA, from its module."""

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.external.program import Manifest, image_of, kustomized, started, stopped
from e2e.install.stage import Stage

PROGRAMS = {"keda-operator": "keda", "keda-metrics-apiserver": "keda-adapter"}
"""Container -> the program in it."""


@contextmanager
def keda(stage: Stage) -> Iterator[None]:
    """KEDA without its webhook; its definitions stay behind."""
    objects = kustomized(stage, "keda", "config/minimal")
    started(stage, objects, lambda container: _adjust(stage, container))
    yield
    # Each has a finalizer that only KEDA takes off.
    stage.kubectl("delete", "scaledobjects", "--all", "--all-namespaces", "--wait")
    stopped(stage, objects)


def _adjust(stage: Stage, container: Manifest) -> None:
    container["image"] = image_of(stage, PROGRAMS[container["name"]])
    # There is one: it need not wait 15 s until the lease of its predecessor ends.
    container["args"] = [arg for arg in container["args"] if arg != "--leader-elect"]
