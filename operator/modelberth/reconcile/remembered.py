"""What the admission webhook may know: facts that the hub told before, and nothing that somebody would wait for."""

from dataclasses import dataclass

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.planner.files import ModelFiles
from modelberth.reconcile.facts import hub_question
from modelberth.reconcile.lookups import Lookups


@dataclass(frozen=True)
class Remembered:
    """Facts from the look-ups of this replica."""

    lookups: Lookups

    def get(self, md: ModelDeployment) -> ModelFiles | None:
        """The facts; None where there are none yet: the hub is asked meanwhile, so the next request finds them."""
        question = hub_question(md)
        return self.lookups.remembered(question) if question is not None else None
