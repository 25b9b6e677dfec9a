"""May this object be written? The rules and the plan that the operator itself goes by, over facts that are at hand."""

from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import Finding, InvalidSpec
from modelberth.api.meta import API_VERSION, KIND
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.validation import parse
from modelberth.manifests.children import chosen_image, engine_image
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.planner.gpus import gpu_of
from modelberth.planner.plan import Plan
from modelberth.planner.policy import overruled
from modelberth.planner.request import PlanRequest
from modelberth.webhook.review import Raw, Review, Verdict

ALLOWED = Verdict()
FACTS_MISSING = Verdict(
    warnings=("the model's facts are not known yet: whether it fits will be in status.plan",), judged=False
)


def matters(review: Review) -> bool:
    """Whether the write changes what is served. Labels, finalizers and replicas of an object that is there do not."""
    if review.resource["metadata"].get("deletionTimestamp"):
        return False
    return review.old is None or _served(review.resource) != _served(review.old)


def _served(resource: Raw) -> Raw:
    return {name: value for name, value in resource["spec"].items() if name not in ("replicas", "autoscaling")}


def judge_spec(review: Review, settings: Settings) -> ModelDeployment | Verdict:
    """The ModelDeployment, or the refusal with every finding of the static rules."""
    meta = review.resource["metadata"]
    slim = {
        # The rest of metadata, and status, were judged by the API server.
        "metadata": {name: meta[name] for name in ("name", "namespace", "annotations") if name in meta},
        "apiVersion": API_VERSION,
        "kind": KIND,
        "spec": review.resource["spec"],
    }
    try:
        return parse(slim, lambda engine, device: chosen_image(engine, device, settings))
    except InvalidSpec as error:
        return Verdict(findings=error.findings)


def unplannable(md: ModelDeployment) -> Verdict | None:
    """Allowed without a plan, where no budget is known; None where a plan can be made."""
    gpu = None if md.spec.device == "CPU" else gpu_of(md.spec.gpu)
    if not isinstance(gpu, Finding):
        return None
    # Whoever names no GPU asks for no plan: Planned=Unknown in the status says so, not a warning at every apply.
    return Verdict(warnings=(str(gpu),) if md.spec.gpu.type is not None else (), judged=False)


def plan_request(md: ModelDeployment, files: ModelFiles, settings: Settings) -> PlanRequest:
    """The question for the planner, as the operator puts it."""
    version, known = FACTS[md.spec.engine.type].version_of(engine_image(md, settings), md.spec.engine.version)
    return PlanRequest(md.spec, version, files, files.missing, version_known=known)


def judge_plan(md: ModelDeployment, plan: Plan) -> Verdict:
    """Refused only where the planner is sure that it does not fit, and nobody has overruled it."""
    advice = plan.advice[0].change if plan.advice else None
    warnings = tuple(map(str, plan.findings))
    if plan.fits is not False:
        return Verdict(warnings=warnings, judged=plan.fits is not None)
    if overruled(md.metadata):
        return Verdict(warnings=(*warnings, f"fits with: {advice}") if advice else warnings)
    return Verdict(plan.findings, advice)
