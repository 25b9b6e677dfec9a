"""Validates a spec once per generation: the rules cost milliseconds, and most reconciles are about pods."""

from collections import OrderedDict
from typing import Any

from modelberth.api.finding import InvalidSpec
from modelberth.api.meta import API_VERSION, KIND
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.validation import parse
from modelberth.manifests.children import chosen_image
from modelberth.manifests.names import UPGRADE
from modelberth.manifests.settings import Settings
from modelberth.reconcile.observed import Raw
from modelberth.reconcile.problem import Problem

MAX_KEPT = 5000


class Judge:
    """Parsed specs by uid: the newest generation of each, and of the one annotation that children depend on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[tuple[int, str], ModelDeployment | Problem]] = OrderedDict()

    def parse(self, resource: Raw, settings: Settings) -> ModelDeployment | Problem:
        """The deployment, or the problem that names every finding. The status is not part of it."""
        meta = resource["metadata"]
        uid, seen = str(meta["uid"]), (int(meta.get("generation", 0)), _upgrade(resource))
        known = self._kept.get(uid)
        if known is None or known[0] != seen:
            known = self._kept[uid] = (seen, self._parse(resource, settings))
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(uid)
        return known[1]

    def _parse(self, resource: Raw, settings: Settings) -> ModelDeployment | Problem:
        slim: dict[str, Any] = {name: value for name, value in resource.items() if name != "status"}
        # Items of a list may carry neither.
        slim |= {"apiVersion": API_VERSION, "kind": KIND}
        slim["metadata"] = {name: resource["metadata"][name] for name in ("name", "namespace", "uid")}
        slim["metadata"]["annotations"] = {UPGRADE: _upgrade(resource)}
        try:
            return parse(slim, lambda engine, device: chosen_image(engine, device, settings))
        except InvalidSpec as error:
            text = "; ".join(map(str, error.findings)) + "."
            return Problem("InvalidSpec", text, stalled=True)


def _upgrade(resource: Raw) -> str:
    return str((resource["metadata"].get("annotations") or {}).get(UPGRADE, ""))
