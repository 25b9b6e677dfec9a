"""GPUs as people write them: "RTX 4090", "A100-SXM4-40GB", "h100", "A100 MIG 1g.5gb"."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from modelberth.planner.gpus import Gpu, Product, find_gpu, mig_slice, products

_PROFILE = re.compile(r"\b[0-9]g\.[0-9]+gb\b")
_SIZE = re.compile(r"(?<![a-z0-9.])([0-9]+(?:\.[0-9]+)?) ?g(?:i?b)?\b")
_WORDS = re.compile(r"[a-z]+|[0-9]+")

_NEAR = 0.1
"""Share by which a size may miss what the catalogue says: people say 140 GB of an H200 and 192 of a B200."""
_MODIFIED = 2.1
"""Cards are modified to at most twice their memory (RTX 4090 with 48 GB)."""

Words = tuple[str, ...]


def parse_name(text: str) -> Gpu | None:
    """The GPU that a person means, by its label, its name, or its generation and size ("8GB Turing").

    The first GPU named in the text counts. Without a size it is the variant that is most common (A100: 80 GB); with a
    size that no variant has, the memory is scaled (a modified RTX 4090 with 48 GB). A size with decimals is the memory
    itself, in GiB. None if no known GPU is named.
    """
    known = find_gpu(text.strip())
    if known is not None:
        return known
    text = text.lower()
    profile = _PROFILE.search(text)
    if profile:
        text = text.replace(profile[0], " ")
    sizes = _SIZE.findall(text)
    words = _words(_SIZE.sub(" ", text))
    candidates = _named(words) or (_of_generation(words) if sizes else ())
    if profile:
        slices = (mig_slice(product, profile[0]) for product in _best_first(candidates, words))
        return next((gpu for gpu in slices if gpu is not None), None)
    return _of_size(_best_first(candidates, words), sizes[0] if sizes else None)


def _named(words: Words) -> tuple[Product, ...]:
    """Products whose name comes first in the text; of names that start together the longest ("RTX 4070 Ti")."""
    places = {
        name: place for name in _by_name() for place in range(len(words)) if words[place : place + len(name)] == name
    }
    if not places:
        return ()
    return _by_name()[min(places, key=lambda name: (places[name], -len(name)))]


def _of_generation(words: Words) -> tuple[Product, ...]:
    return tuple(product for product in products() if _words(product.gpu.architecture.lower())[0] in words)


def _best_first(candidates: Iterable[Product], words: Words) -> list[Product]:
    """Those whose label shares most words with the text first: "H100 PCIe"; else as in the catalogue."""
    return sorted(candidates, key=lambda product: -len(set(_words(product.gpu.label.lower())) & set(words)))


def _of_size(candidates: list[Product], size: str | None) -> Gpu | None:
    if not candidates:
        return None
    if size is None:
        return candidates[0].gpu
    gib = float(size)
    if "." in size:
        nearest = min(candidates, key=lambda product: abs(product.gpu.memory_gib - gib))
        return _modified(nearest.gpu, gib)
    nearest = min(candidates, key=lambda product: abs(product.size_gb - gib))
    if abs(nearest.size_gb - gib) <= _NEAR * nearest.size_gb:
        return nearest.gpu
    return _modified(nearest.gpu, round(gib * nearest.gpu.memory_gib / nearest.size_gb, 2))


def _modified(gpu: Gpu, memory_gib: float) -> Gpu | None:
    """With other memory than the catalogue's; None where no such card can be meant."""
    if not 1 / _MODIFIED <= memory_gib / gpu.memory_gib <= _MODIFIED:
        return None
    return replace(gpu, memory_gib=memory_gib, price_class=0, estimated=True)


@cache
def _by_name() -> dict[Words, tuple[Product, ...]]:
    names = {_words(name.lower()): () for product in products() for name in product.names}
    return {
        words: tuple(product for product in products() if words in {_words(name.lower()) for name in product.names})
        for words in names
    }


def _words(text: str) -> Words:
    """Runs of letters and of digits, so that "RTX4090", "rtx-4090" and "RTX 4090" are the same."""
    return tuple(_WORDS.findall(text))
