"""The envelope of the resource, which the API server checks itself: apiVersion, kind, metadata."""

from typing import Any

from modelberth.api.finding import Finding
from modelberth.api.meta import API_VERSION, KIND
from modelberth.api.schema_findings import meant

_KNOWN = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
]


def metadata_findings(resource: dict[str, Any]) -> list[Finding]:
    """What is wrong outside of spec. The form of the name is a CEL rule."""
    found = [
        Finding(name, f"must be {wanted}")
        for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND))
        if resource.get(name) is None
    ]
    metadata = resource.get("metadata")
    if not isinstance(metadata, dict):
        return found if metadata is not None else [*found, Finding("metadata.name", "is required")]
    for name in metadata:
        if name not in _KNOWN:
            found.append(Finding(f"metadata.{name}", f"unknown field; {meant(str(name), _KNOWN)}"))
    if metadata.get("name") is None:
        found.append(Finding("metadata.name", "is required"))
    for name in ("name", "namespace"):
        if not isinstance(metadata.get(name), str | None):
            found.append(Finding(f"metadata.{name}", "must be a string; put it in quotes"))
    for name in ("labels", "annotations"):
        if not _strings(metadata.get(name)):
            found.append(Finding(f"metadata.{name}", "must be a map of strings; put numbers and booleans in quotes"))
    return found


def _strings(values: Any) -> bool:
    return values is None or (
        isinstance(values, dict) and all(isinstance(text, str) for pair in values.items() for text in pair)
    )
