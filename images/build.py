"""python -m images.build [NAME...]: build images and hand them to the cluster, if one is up.

An image whose Dockerfile and inputs have not changed is not built again, and one that the cluster has is not loaded
again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from e2e.cluster import choose
from e2e.cluster.interface import ClusterError
from e2e.cluster.progress import say, step
from e2e.models.make import ensure as make_models
from e2e.models.make import key as models_key
from images.builders import Builder, Order, cache_folder, choose_builder
from images.catalog import IMAGES, Image
from images.content import content_hash
from images.loaded import LoadedContents
from images.locks import locked


class ImageCluster(Protocol):
    """The part of a cluster that images need."""

    way: str

    def load(self, images: Sequence[str]) -> None:
        """Put archives, or images of a local engine, where pods start from."""

    def has_image(self, reference: str) -> bool:
        """Whether a pod could start from it."""


def ensure(
    names: Sequence[str],
    cluster: ImageCluster,
    *,
    builder: Builder | None = None,
    loaded: LoadedContents | None = None,
) -> dict[str, str]:
    """Build what is missing or out of date and load it; returns name -> reference for a pod's `image:`.

    Raises:
        ClusterError: a build or a load failed; the message ends with what the program said.
        KeyError: no image is called so.
    """
    contents = loaded or LoadedContents()
    references = {}
    for name in names:
        image = IMAGES[name]
        content = content_of(image)
        references[name] = reference = image.reference(content)
        with locked(cache_folder() / "locks" / f"image-{name}"):
            if cluster.has_image(reference) and contents.get(cluster.way, reference) == content:
                continue
            builder = builder or choose_builder()
            build(image, builder)
            with builder.exported(reference) as archive:
                if image.large:
                    builder.forget(reference)  # before loading: the disk need not hold it three times
                cluster.load([archive])
            contents.set(cluster.way, reference, content)
    return references


def build(image: Image, builder: Builder) -> str:
    """Build an image unless the builder's store has this content under this name; returns the reference."""
    content = content_of(image)
    reference = image.reference(content)
    if builder.content_of(reference) == content:
        say(f"{reference} is up to date")
        return reference
    contexts = {"models": make_models()} if image.needs_models else {}
    with step(f"building {reference}"):
        builder.build(Order(image, reference, content, contexts))
    return reference


def content_of(image: Image) -> str:
    """The hash of what the image would be built from now."""
    return content_hash(image, models_key() if image.needs_models else "")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m images.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(IMAGES)}")
    parser.add_argument("--list", action="store_true", help="print name and reference of every image")
    parser.add_argument("--print-ref", metavar="NAME", choices=sorted(IMAGES), help="print the reference of one image")
    parser.add_argument("--no-load", action="store_true", help="build only; keep the image in the builder's store")
    options = parser.parse_args(argv)
    if unknown := sorted(set(options.names) - IMAGES.keys()):
        parser.error(f"no such image: {', '.join(unknown)}; there are {', '.join(IMAGES)}")
    if options.print_ref:
        print(_reference(options.print_ref))
        return 0
    if options.list:
        for name in IMAGES:
            print(f"{name:10} {_reference(name)}")
        return 0
    names = options.names or list(IMAGES)
    try:
        references = _build_only(names) if options.no_load else _build_and_load(names)
    except ClusterError as error:
        say(str(error))
        return 1
    for name, reference in references.items():
        print(f"{name:10} {reference}")
    return 0


def _reference(name: str) -> str:
    return IMAGES[name].reference(content_of(IMAGES[name]))


def _build_only(names: Sequence[str]) -> dict[str, str]:
    builder = choose_builder()
    return {name: build(IMAGES[name], builder) for name in names}


def _build_and_load(names: Sequence[str]) -> dict[str, str]:
    return ensure(names, choose())


if __name__ == "__main__":
    sys.exit(main())
