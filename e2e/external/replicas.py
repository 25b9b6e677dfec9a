"""Who wrote how many pods there shall be: the API server's audit log, and the owners of the field."""

from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from e2e.audit import OPERATOR, WRITES

MANAGER = "modelberth"
"""The field manager of everything else that the operator applies."""

HAND_ON = "modelberth-scale"
"""The field manager by which the operator hands spec.replicas of the ModelDeployment on to its Deployment."""


def writes(entries: list[dict[str, Any]], namespace: str) -> Counter[tuple[str, str, str]]:
    """(who, ``resource[/subresource]``, field manager) -> successful writes in the namespace to what has replicas."""
    found: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        target = entry.get("objectRef") or {}
        if entry["verb"] not in WRITES or target.get("namespace") != namespace:
            continue
        if target.get("resource") not in ("deployments", "modeldeployments") or entry["responseStatus"]["code"] >= 300:
            continue
        what = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        query = parse_qs(urlsplit(entry["requestURI"]).query)
        found[entry["user"]["username"], what, query.get("fieldManager", [""])[0]] += 1
    return found


def of_operator(found: Counter[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    """(resource, field manager) -> writes of the operator, without status."""
    kept: Counter[tuple[str, str]] = Counter()
    for (who, what, manager), number in found.items():
        if who == OPERATOR and not what.endswith("/status"):
            kept[what, manager] += number
    return kept


def owners(resource: dict[str, Any]) -> set[str]:
    """The field managers that own spec.replicas; a write through /scale makes nobody one."""
    return {
        entry["manager"]
        for entry in resource["metadata"]["managedFields"]
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    }
