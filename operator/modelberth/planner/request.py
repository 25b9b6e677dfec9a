"""The question put to the planner."""

from dataclasses import dataclass, field

from modelberth.api.engine_facts import Version
from modelberth.api.spec import Spec
from modelberth.planner.files import ModelFiles


@dataclass(frozen=True)
class PlanRequest:
    """One ModelDeployment and what is known of its model. All that a plan depends on."""

    spec: Spec
    engine_version: Version
    """Of the image, as EngineFacts.version_of tells it."""
    files: ModelFiles = field(default_factory=ModelFiles)
    missing: tuple[str, ...] = ()
    """Why facts are missing, in words for people ("the hub could not be reached"); empty where files were read."""
    version_known: bool = True
    """Whether the image told its version; otherwise the newest is assumed."""
    memory_fraction: float | None = None
    """SGLang's own --mem-fraction-static, where a start-up log names it; otherwise it follows from the utilisation."""
