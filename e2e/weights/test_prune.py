"""`modelberth cache` on a claim: what is used stays, the rest goes when it is asked for."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from e2e.conftest import Space
from e2e.resources import apply
from e2e.weights.disk import Disk
from e2e.weights.models import SIZE, cached, is_complete, story

pytestmark = pytest.mark.timeout(180)

CLAIM = "models"


def cache(space: Space, *arguments: str) -> list[dict[str, Any]]:
    """What the command prints, as a person with this kubeconfig runs it."""
    place = ("-n", space.name, "--claim", CLAIM, "--image", space.platform.image("operator"), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "modelberth.cli.main", "cache", *arguments, *place],
        env={**os.environ, **space.platform.kubectl.env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_what_is_used_stays_and_what_nobody_uses_goes(space: Space, disk: Disk) -> None:
    folder = disk.claim(space, CLAIM)
    prefetched = {"cache": {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": CLAIM}}}
    apply(space, cached("model", CLAIM, replicas=0, weights={**prefetched, "prefetch": True}))
    story(space, "model", is_complete)

    (entry,) = cache(space, "list")
    assert (entry["repo"], entry["state"]) == ("modelberth/SmolLM2-135M-Instruct-GGUF", "complete")
    assert entry["bytes"] >= SIZE
    assert f"Deployment {space.name}/model" in entry["usedBy"]
    prune = ("prune", "--recent", "0", "--yes")
    assert [row["verdict"] for row in cache(space, *prune)] == ["kept"]
    assert len(disk.files(folder)) == 1

    space.kubectl("delete", "mdep", "model", "--wait", "--cascade=foreground")
    assert [row["verdict"] for row in cache(space, *prune)] == ["removed"]
    assert disk.files(folder) == []
