"""One answer for each ModelDeployment of the file."""

from dataclasses import dataclass, replace

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding, InvalidSpec
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.cli.inputs import Given, Inputs
from modelberth.cli.plan.facts import ModelFacts
from modelberth.cli.plan.what_if import Compared, WhatIf, compared
from modelberth.manifests.children import engine_image, engine_version
from modelberth.planner.plan import Plan
from modelberth.planner.planning import plan, plan_once
from modelberth.planner.request import PlanRequest


@dataclass(frozen=True)
class Judged:
    """A resource with what was found."""

    given: Given
    md: ModelDeployment | None = None
    """With its GPU replaced where the command line says so; None where it is invalid."""
    invalid: tuple[Finding, ...] = ()
    """What is wrong with the spec itself; nothing was planned then."""
    plan: Plan | None = None
    missing: tuple[str, ...] = ()
    """Why facts of the model are missing, in words for people."""
    engine: str = ""
    """vLLM 0.32.0; "(assumed)" follows where the image's tag does not tell."""
    compared: tuple[Compared, ...] | None = None
    """None where it was not asked for."""

    @property
    def fits(self) -> bool | None:
        return self.plan.fits if self.plan else False

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.plan.findings if self.plan else self.invalid


class Judge:
    """Everything that is the same for all resources of a file."""

    def __init__(self, inputs: Inputs, facts: ModelFacts, what_if: WhatIf, compare: bool) -> None:
        self._inputs = inputs
        self._facts = facts
        self._what_if = what_if
        self._compare = compare
        self._plans: dict[tuple[str, Version, bool, int], Plan] = {}

    def judged(self, given: Given) -> Judged:
        """The answer. Never raises: an invalid resource is one."""
        try:
            md = self._inputs.parsed(given)
        except InvalidSpec as error:
            return Judged(given, invalid=error.findings)
        md = md.model_copy(update={"spec": self._what_if.applied(md.spec)})
        version, known = engine_version(md, engine_image(md, self._inputs.settings))
        files, missing = self._facts.of(md)
        request = PlanRequest(md.spec, version, files, missing, version_known=known)
        engine = f"{md.spec.engine.type} {'.'.join(map(str, version))}{'' if known else ' (assumed)'}"
        answer = Judged(given, md, (), self._planned(request), missing, engine)
        return replace(answer, compared=compared(request, plan_once)) if self._compare else answer

    def _planned(self, request: PlanRequest) -> Plan:
        """The plan; resources that differ in name only share it. Facts are kept, so theirs are the same object."""
        key = (request.spec.model_dump_json(), request.engine_version, request.version_known, id(request.files))
        if key not in self._plans:
            self._plans[key] = plan(request)
        return self._plans[key]
