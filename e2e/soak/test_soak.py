"""Two minutes of chaos; `make soak` is longer."""

import os

import pytest

from e2e.install.client import Client
from e2e.install.stage import Stage
from e2e.soak.running import soak, unsuitable
from e2e.soak.soak import Options

MINUTES = float(os.environ.get("MODELBERTH_SOAK_MINUTES", "2"))
SEED = int(os.environ.get("MODELBERTH_SOAK_SEED", "6"))
"""A fixed one: a test that fails now and then for a seed of its own is no help to whoever changed something else."""


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_everything_heals(platform: Stage, client: Client) -> None:
    if why := unsuitable(platform):
        pytest.skip(why)
    with soak(platform, SEED, print) as made:
        report = made.run(client, Options(minutes=MINUTES, rest_s=5))
    print(report)
    assert len(report.rows) >= MINUTES
    assert report.requests > 0
