"""Whether children are as rendered: those of two resources with the same spec differ in their names alone.

The first that is seen of each shape, before anything was disturbed, is what the others are compared with. That asks
nothing of the code under test.
"""

import base64
import json
import re
import zlib
from typing import Any

Raw = dict[str, Any]

DIGESTS = re.compile(r'(/(?:hash|revision)\\*":\s*\\*")[0-9a-f]+')
"""Labels and annotations that depend on the name, in JSON, and in JSON that is a string of it."""
ASSIGNED = ("clusterIP", "clusterIPs", "replicas")
"""Fields of a spec that the cluster fills in, or that are compared apart."""
HISTORY = ("deployment.kubernetes.io/revision", "modelberth.dev/last-good")
"""Annotations that tell of what was before."""
PACKED = "modelberth.dev/pods"
"""Annotation: base64 of zlib of JSON."""


def shape(child: Raw, owner: str) -> dict[str, Any]:
    """The child without what the cluster writes and what depends on its owner's name."""
    meta = child["metadata"]
    annotations = {key: value for key, value in meta.get("annotations", {}).items() if key not in HISTORY}
    if PACKED in annotations:
        annotations[PACKED] = zlib.decompress(base64.b64decode(annotations[PACKED])).decode()
    kept = {
        "labels": meta.get("labels", {}),
        "annotations": annotations,
        "owners": [{**reference, "uid": ""} for reference in meta.get("ownerReferences", [])],
        "spec": {name: value for name, value in child.get("spec", {}).items() if name not in ASSIGNED},
    }
    text = json.dumps(kept, sort_keys=True).replace(owner, "NAME")
    found: dict[str, Any] = json.loads(DIGESTS.sub(r"\1DIGEST", text))
    return found


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, as paths."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [found for key in keys for found in differences(one.get(key), other.get(key), f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, (a, b) in pairs for found in differences(a, b, f"{path}[{index}]")]
    return [] if one == other else [path.lstrip(".")]


class Shapes:
    """What the children of each spec looked like at first."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], dict[str, Any]] = {}

    def drift(self, child: Raw, owner: str, spec: Raw) -> list[str]:
        """Fields of the child that differ from the first of its shape; none of the first itself."""
        same = {name: value for name, value in spec.items() if name != "replicas"}
        key = (child["kind"], json.dumps(same, sort_keys=True))
        found = shape(child, owner)
        return differences(self._first.setdefault(key, found), found)
