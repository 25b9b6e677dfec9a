"""Weights in an image volume."""

from pathlib import Path

import pytest

from e2e.cluster.pause import one_file_archive
from e2e.conftest import Space
from e2e.install.client import Client
from e2e.models.make import MODEL
from e2e.models.make import ensure as make_models
from e2e.resources import apply, small
from e2e.weights.models import LEAN, is_complete, story

pytestmark = pytest.mark.timeout(300)

IMAGE = "modelberth/smollm2-gguf:e2e"


def test_an_image_is_mounted_and_served(space: Space, client: Client, tmp_path: Path) -> None:
    cluster = space.platform.cluster
    if not cluster.has_image(IMAGE):
        (gguf,) = (make_models() / f"{MODEL}-GGUF").glob("*.gguf")
        archive = tmp_path / "image.tar"
        one_file_archive(archive, f"docker.io/{IMAGE}", "model.gguf", gguf.read_bytes())
        cluster.load([str(archive)])
    space.platform.image("llama-cpp")
    apply(space, small("model", model={"uri": f"oci://{IMAGE}"}, resources=LEAN))
    told = story(space, "model", is_complete)
    assert {moment.phase for moment in told} <= {"None", "Pending", "Pulling", "Complete"}
    status = space.wait_ready("model", timeout_s=60)
    assert "Paris" in client.ask(status["url"], "model", "What is the capital of France?")


def test_an_image_that_is_not_there_is_told_before_any_engine_pod_waits_for_it(space: Space) -> None:
    apply(space, small("model", model={"uri": "oci://127.0.0.1:1/nobody/model:1"}, resources=LEAN))
    ready = space.wait_reason("model", "ImagePullFailed", 90)
    assert "127.0.0.1:1/nobody/model:1" in ready["message"]
    assert not space.json("get", "deployments")["items"]
