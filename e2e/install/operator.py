"""The operator through its chart, with the CPU builds of the engines that this cluster has."""

import json

from e2e.install.stage import CPU_IMAGES, HUB_URL, ROOT, SYSTEM, Stage
from images.build import content_of
from images.catalog import IMAGES

RELEASE = "modelberth"


def install_operator(stage: Stage) -> None:
    """``helm upgrade --install`` and wait; the second time it changes nothing."""
    repository, _, tag = stage.image("operator").rpartition(":")
    values = {
        "image": {"repository": repository, "tag": tag},
        "hub": {"endpoint": HUB_URL},
        # Named whether the cluster has them yet or not: an engine's image is loaded when it is needed first.
        "engineImages": {engine: {"CPU": _reference(name)} for name, engine in CPU_IMAGES.items()},
        "logFormat": "text",
        # Somebody waits for every look.
        "autoscaling": {"intervalSeconds": 2},
    }
    stage.helm(
        *("upgrade", "--install", RELEASE, str(ROOT / "charts" / "modelberth")),
        *("--namespace", SYSTEM, "--create-namespace", "--wait", "--timeout", "180s", "--values", "-"),
        stdin=json.dumps(values),
        timeout=240,
    )


def _reference(name: str) -> str:
    return IMAGES[name].reference(content_of(IMAGES[name]))
