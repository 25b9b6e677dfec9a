"""Engines of gigabytes, two pods of which fit the machine for a while."""

import os
from typing import Any

import pytest

from e2e.conftest import Space
from e2e.drain.causes import NAME, settled
from e2e.resources import apply, small

START_S = 420

on_request = pytest.mark.skipif(
    not os.environ.get("MODELBERTH_HEAVY"),
    reason="each of these engines takes 6 minutes on 2 cores: `make test-engines` runs them",
)
"""The same causes are run with llama.cpp every time."""


def heavy(space: Space, image: str, model: dict[str, Any], engine: dict[str, Any], **spec: Any) -> str:
    """The URL of a new model on an engine from one of our images, once two pods of it answer."""
    space.platform.image(image)
    resources = {"requests": {"cpu": "250m", "memory": "2Gi"}, "limits": {"memory": "6Gi"}}
    fields = {"model": model, "engine": engine, "gpuMemoryUtilization": 0.5, "maxNumSeqs": 6, "resources": resources}
    apply(space, small(NAME, **fields, replicas=2, rollout={"maxSurge": 1}, **spec))
    settled(space, 2, set(), START_S)
    return str(space.wait_ready(NAME, timeout_s=60)["url"])
