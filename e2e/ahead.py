"""python -m e2e.ahead COMMAND...: runs the command, and builds meanwhile what the end-to-end tests are going to need.

Unit tests keep one core busy, and end-to-end tests mostly wait: on a machine that has nothing yet, programs and images
are built in that time. Whoever needs one of them earlier waits for it; nothing is built twice.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from e2e.cluster import choose
from e2e.cluster.binaries import Binaries
from e2e.cluster.interface import ClusterError
from e2e.cluster.local import PROGRAMS, LocalCluster
from e2e.cluster.paths import paths
from e2e.cluster.pins import pins
from e2e.cluster.progress import say
from images.build import build, content_of
from images.builders import cache_folder, choose_builder
from images.catalog import IMAGES
from images.loaded import LoadedContents
from images.locks import locked

BUILD = "--build"


def build_all() -> None:
    """Programs first: without a cluster no image is of use."""
    binaries = Binaries(paths())
    binaries.build([*PROGRAMS, "helm"])
    for name, image in IMAGES.items():
        if not image.large:
            _build_image(name)
    binaries.build([command for module in pins().modules.values() for command in module.commands])
    for name, image in IMAGES.items():
        if image.large:
            _build_image(name)


def _build_image(name: str) -> None:
    image = IMAGES[name]
    with locked(cache_folder() / "locks" / f"image-{name}"):
        content = content_of(image)
        # What the cluster has been given is gone from the builder's store.
        if LoadedContents().get(LocalCluster.way, image.reference(content)) != content:
            build(image, choose_builder())


def main(argv: Sequence[str]) -> int:
    if list(argv) == [BUILD]:
        try:
            build_all()
        except ClusterError as error:
            say(f"building ahead: {error}")  # The tests will say it once more, where it matters.
            return 1
        return 0
    if choose().way != LocalCluster.way:
        return subprocess.call(argv)
    ahead = subprocess.Popen(
        ["nice", "-n", "19", sys.executable, "-m", "e2e.ahead", BUILD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return subprocess.call(argv)
    finally:
        if ahead.poll() is None:
            os.killpg(ahead.pid, signal.SIGTERM)
            ahead.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
