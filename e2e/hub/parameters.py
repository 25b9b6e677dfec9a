"""Elements by type over the safetensors of a revision, which the Hub shows with every model.

It counts model.safetensors, else the files of the index:
https://github.com/huggingface/huggingface.js/blob/main/packages/hub/src/lib/parse-safetensors-metadata.ts
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from e2e.hub.repositories import Snapshot, StoredFile

_FILE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def summary(snapshot: Snapshot) -> dict[str, Any] | None:
    """`{"parameters": {"BF16": N}, "total": N}`; None without such files, or where one of them is none."""
    counts: Counter[str] = Counter()
    try:
        for file in _files(snapshot):
            counts += _count(file)
    except (KeyError, TypeError, ValueError):
        return None
    return {"parameters": dict(counts), "total": sum(counts.values())} if counts else None


def _files(snapshot: Snapshot) -> list[StoredFile]:
    if _FILE in snapshot.files:
        return [snapshot.files[_FILE]]
    if _INDEX not in snapshot.files:
        return []
    index = json.loads(snapshot.files[_INDEX].location.read_bytes())
    return [snapshot.files[name] for name in sorted(set(index["weight_map"].values()))]


def _count(file: StoredFile) -> Counter[str]:
    with file.location.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        if length > file.size:
            raise ValueError("no safetensors file")
        header = json.loads(content.read(length))
    counts: Counter[str] = Counter()
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["shape"]:
            counts[tensor["dtype"]] += math.prod(tensor["shape"])
    return counts
