"""Plans of specs that have no pods yet: computed once per spec, engine version and files."""

from collections import OrderedDict

from modelberth.api.engine_facts import Version
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.facts import inputs_of
from modelberth.planner.planned import Planned, planned
from modelberth.planner.planning import plan
from modelberth.planner.request import PlanRequest
from modelberth.reconcile.lookups import Answer

MAX_KEPT = 1000


class Plans:
    """Remembers what does not fit: such a resource is looked at again and again, and advice costs dozens of plans."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[Version, bool], str, str], Planned] = OrderedDict()

    def of(self, md: ModelDeployment, version: tuple[Version, bool], answer: Answer) -> Planned:
        """The plan with what is known; ``answer`` brings the files, or why they are missing.

        ``version`` of the engine, and whether its image told it.
        """
        missing = (*((answer.unread.message,) if answer.unread else ()), *answer.files.missing)
        key = (inputs_of(md), version, answer.files.encode(), "".join(missing))
        known = self._kept.get(key)
        if known is None:
            known = planned(plan(PlanRequest(md.spec, version[0], answer.files, missing, version_known=version[1])))
            self._kept[key] = known
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return known
